;; The root of a chain: opens an account, and passes on what depositing comes to.
(module
  (import "bank:ledger/accounts@0.1.0" "[constructor]account" (func $open (param i32 i32) (result i32)))
  (import "bank:ledger/accounts@0.1.0" "[method]account.deposit" (func $deposit (param i32 i64 i32 i32 i32)))
  (import "bank:ledger/accounts@0.1.0" "[resource-drop]account" (func $close (param i32)))
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $size))))
  ;; result<u64, failure> at 16: the case in a byte; at 24 the balance, or the failure: its case, and its string at 32
  ;; result<u64, string> at 64: the case in a byte; at 72 the balance, or the string
  (func (export "bank:ledger/desk@0.1.0#deposit")
    (param $owner i32) (param $length i32) (param $amount i64) (param $currency i32) (param $letters i32) (result i32)
    (local $account i32)
    (local.set $account (call $open (local.get $owner) (local.get $length)))
    (call $deposit (local.get $account) (local.get $amount) (local.get $currency) (local.get $letters) (i32.const 16))
    (call $close (local.get $account))
    (i32.store8 (i32.const 64) (i32.load8_u (i32.const 16)))
    (if (i32.load8_u (i32.const 16))
      (then
        (if (i32.load8_u (i32.const 24)) (then unreachable)) ;; nobody is overdrawn by a deposit
        (i64.store (i32.const 72) (i64.load (i32.const 32))))
      (else (i64.store (i32.const 72) (i64.load (i32.const 24)))))
    (i32.const 64)))
