;; Hands on what is a POST, and answers everything else with 405 (method not allowed).
(module
  (import "wasi:http/types@0.2.0" "[method]incoming-request.method" (func $method (param i32 i32)))
  (import "wasi:http/types@0.2.0" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code" (func $status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $answer (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:http/incoming-handler@0.2.0" "handle" (func $hand-on (param i32 i32)))
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $size))))
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $made i32)
    (global.set $top (i32.const 1024)) ;; the text of a method that is none of the known ones
    (call $method (local.get $request) (i32.const 16))
    (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const 2)) ;; the case 'post'
      (then (call $hand-on (local.get $request) (local.get $out)))
      (else
        (call $drop-request (local.get $request))
        (local.set $made (call $response (call $fields)))
        (drop (call $status (local.get $made) (i32.const 405)))
        (call $answer (local.get $out) (i32.const 0) (local.get $made)
          (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))))
