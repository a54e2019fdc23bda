;; Hands on what comes from the caller that this installation is for, and answers everything else with 403 (forbidden).
;; Who calls is in the header x-caller, where the ingress in front has put it; who is meant, in wasi:config, as 'caller'.
(module
  (import "wasi:config/store@0.2.0-rc.1" "get" (func $get (param i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[method]incoming-request.headers" (func $headers (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[method]fields.get" (func $values (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.0" "[resource-drop]fields" (func $drop-fields (param i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code" (func $status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
    (func $answer (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:http/incoming-handler@0.2.0" "handle" (func $hand-on (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "caller")
  (data (i32.const 80) "x-caller")
  (global $top (mut i32) (i32.const 1024))
  ;; A page for each request; whoever sends headers that do not fit in is not answered at all.
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $top (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func $is-same (param $one i32) (param $other i32) (param $size i32) (result i32)
    (loop $next
      (if (i32.eqz (local.get $size)) (then (return (i32.const 1))))
      (local.set $size (i32.sub (local.get $size) (i32.const 1)))
      (br_if $next (i32.eq
        (i32.load8_u (i32.add (local.get $one) (local.get $size)))
        (i32.load8_u (i32.add (local.get $other) (local.get $size))))))
    (i32.const 0))
  (func $is-meant (param $request i32) (result i32)
    (local $headers i32)
    (local $given i32)
    ;; result<option<string>, error> at 16: ok at 16, some at 20, the text at 24, its size at 28
    (call $get (i32.const 64) (i32.const 6) (i32.const 16))
    (if (i32.or (i32.load8_u (i32.const 16)) (i32.eqz (i32.load8_u (i32.const 20)))) (then (return (i32.const 0))))
    ;; list<list<u8>> at 32: where it is at 32, how many values at 36
    (local.set $headers (call $headers (local.get $request)))
    (call $values (local.get $headers) (i32.const 80) (i32.const 8) (i32.const 32))
    (call $drop-fields (local.get $headers))
    (if (i32.ne (i32.load (i32.const 36)) (i32.const 1)) (then (return (i32.const 0))))
    (local.set $given (i32.load (i32.const 32)))
    (if (i32.ne (i32.load offset=4 (local.get $given)) (i32.load (i32.const 28))) (then (return (i32.const 0))))
    (call $is-same (i32.load (local.get $given)) (i32.load (i32.const 24)) (i32.load (i32.const 28))))
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $made i32)
    (global.set $top (i32.const 1024))
    (if (call $is-meant (local.get $request))
      (then (call $hand-on (local.get $request) (local.get $out)))
      (else
        (call $drop-request (local.get $request))
        (local.set $made (call $response (call $fields)))
        (drop (call $status (local.get $made) (i32.const 403)))
        (call $answer (local.get $out) (i32.const 0) (local.get $made)
          (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))))
