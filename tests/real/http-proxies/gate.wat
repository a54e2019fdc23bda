;; Answers what begins with {path} with status {status}, and hands on the rest. The two are filled in by the tests.
(module
  (import "wasi:http/types@0.2.0" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code" (func $status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $answer (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:http/incoming-handler@0.2.0" "handle" (func $hand-on (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "{path}")
  (global $top (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $size))))
  ;; whether the string at $at begins with what stands at 64, which ends with a zero byte
  (func $is-refused (param $at i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i32.eqz (i32.load8_u offset=64 (local.get $i))) (then (return (i32.const 1))))
      (if (i32.ne (i32.load8_u offset=64 (local.get $i)) (i32.load8_u (i32.add (local.get $at) (local.get $i))))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    unreachable)
  ;; option<string> at 16: the case in a byte, the string at 20 and its length at 24
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $made i32)
    (call $path (local.get $request) (i32.const 16))
    (if (i32.and (i32.load8_u (i32.const 16)) (call $is-refused (i32.load (i32.const 20))))
      (then
        (call $drop-request (local.get $request))
        (local.set $made (call $response (call $fields)))
        (drop (call $status (local.get $made) (i32.const {status})))
        (call $answer (local.get $out) (i32.const 0) (local.get $made)
          (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
      (else (call $hand-on (local.get $request) (local.get $out))))))
