;; Allows what an account has.
(module
  (import "bank:ledger/accounts@0.1.0" "[method]account.balance" (func $balance (param i32) (result i64)))
  (import "bank:ledger/accounts@0.1.0" "[resource-drop]account" (func $give-back (param i32)))
  (memory (export "memory") 1)
  (func (export "bank:ledger/limits@0.1.0#allows") (param $account i32) (param $amount i64) (result i32)
    (i64.le_u (local.get $amount) (call $balance (local.get $account)))
    (call $give-back (local.get $account))))
