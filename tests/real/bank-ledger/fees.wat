;; Takes one unit of an account that it is lent.
(module
  (import "bank:ledger/accounts@0.1.0" "[method]account.withdraw" (func $withdraw (param i32 i64 i32)))
  (import "bank:ledger/accounts@0.1.0" "[resource-drop]account" (func $give-back (param i32)))
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $size))))
  ;; result<u64, failure> at 16: the case in a byte, the payload at 24
  (func (export "bank:ledger/fees@0.1.0#charge") (param $account i32) (result i64)
    (call $withdraw (local.get $account) (i64.const 1) (i32.const 16))
    (call $give-back (local.get $account))
    (if (i32.load8_u (i32.const 16)) (then unreachable))
    (i64.load (i32.const 24))))
