"""Components that are run: core modules by hand, made into components as compilers do it."""

from __future__ import annotations

import functools

from tests.components import wasm_tools
from tests.wit import folder

CLI = """package wasi:cli@0.2.0;
interface run { run: func() -> result; }
interface exit { exit: func(status: result); }
interface environment { get-arguments: func() -> list<string>; get-environment: func() -> list<tuple<string, string>>; }
interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
"""
IO = """package wasi:io@0.2.0;
interface error { resource error; }
interface streams {
  use error.{error};
  variant stream-error { last-operation-failed(error), closed }
  resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
}
"""
SOCKETS = """package wasi:sockets@0.2.0;
interface network { resource network; }
interface instance-network { use network.{network}; instance-network: func() -> network; }
"""
HTTP = "package wasi:http@0.2.0; interface types { resource fields { constructor(); } }"
MEMORY = """
  (memory (export "memory") 16)
  (global $top (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
"""


@functools.cache
def from_module(module: str, world: str, interfaces: str = "", extra: str = "package t:unused;") -> bytes:
    """The component of a core module for the world `w` with this body.

    `interfaces` are those of its own package, `extra` is one more package.
    """
    text = f"package t:t; {interfaces} world w {{ {world} }}"
    with folder(text, CLI, IO, SOCKETS, HTTP, extra) as path:
        embedded = wasm_tools("component", "embed", path, "-w", "w", data=f"(module {module})".encode())
    return wasm_tools("component", "new", data=embedded)


def command(body: str, world: str = "", imports: str = "", rest: str = "") -> bytes:
    """A command whose `run` has this body."""
    run = f'(func (export "wasi:cli/run@0.2.0#run") (result i32) {body})'
    return from_module(f"{imports} {MEMORY} {rest} {run}", f"export wasi:cli/run@0.2.0; {world}")


GREETER = command(
    """(call $write (call $stdout) (i32.const 16) (i32.const 6) (i32.const 64)) (i32.const 0)""",
    "import wasi:cli/stdout@0.2.0;",
    """(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
       (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
         (func $write (param i32 i32 i32 i32)))""",
    '(data (i32.const 16) "hello\\n")',
)
# Fails where it is given anything but two arguments besides its name, and one variable.
CRITIC = command(
    """(call $arguments (i32.const 32)) (call $environment (i32.const 40))
       (i32.or (i32.ne (i32.load (i32.const 36)) (i32.const 3)) (i32.ne (i32.load (i32.const 44)) (i32.const 1)))""",
    "import wasi:cli/environment@0.2.0;",
    """(import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
       (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))""",
)
FAILS = command("(i32.const 1)")
TRAPS = command("unreachable")
LEAVES = command(
    "(call $exit (i32.const 1)) (i32.const 0)",
    "import wasi:cli/exit@0.2.0;",
    '(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))',
)
NETWORKED = command(
    "(drop (call $network)) (i32.const 0)",
    "import wasi:sockets/instance-network@0.2.0;",
    '(import "wasi:sockets/instance-network@0.2.0" "instance-network" (func $network (result i32)))',
)
REQUESTING = command(
    "(drop (call $fields)) (i32.const 0)",
    "import wasi:http/types@0.2.0;",
    '(import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))',
)
STRANGER = command("(call $log) (i32.const 0)", "import log: func();", '(import "$root" "log" (func $log))')

EVERYTHING = """interface api {
  flags rights { read, write, hold }
  enum colour { red, green }
  variant shape { none, circle(f32), named(string), sized(u32), nested(option<u8>) }
  record inner { amount: u32, note: option<string> }
  record everything {
    a: bool, b: u8, c: u16, d: u32, e: u64, f: s8, g: s16, h: s32, i: s64, j: f32, k: f64, l: char, m: string,
    n: list<u8>, o: list<string>, p: tuple<u8, string>, q: rights, r: colour, s: shape, t: inner,
    u: option<option<u32>>, v: result<u32, string>, w: result, x: list<inner>, y: result<_, colour>,
    z: option<bool>
  }
  echo: func(x: everything) -> everything;
  pick: func(a: u32, b: inner) -> u32;
  nothing: func();
  resource account { constructor(owner: u32); open: static func(owner: u32) -> result<account, string>;
    owner: func() -> u32; same: func(other: borrow<account>) -> bool; }
  give: func(a: account) -> u32;
}
interface more { pick: func() -> u32; }
"""
API = "t:t/api"
CALLED = from_module(
    f"""
    (import "[export]{API}" "[resource-new]account" (func $new (param i32) (result i32)))
    (import "[export]{API}" "[resource-rep]account" (func $rep (param i32) (result i32)))
    {MEMORY}
    (func (export "{API}#echo") (param i32) (result i32) (local.get 0))
    (func (export "{API}#pick") (param i32 i32 i32 i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))
    (func (export "{API}#nothing"))
    (func (export "{API}#[constructor]account") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "{API}#[static]account.open") (param i32) (result i32)
      (i32.store (i32.const 64) (i32.eqz (local.get 0)))
      (i32.store (i32.const 68) (i32.const 128))
      (i32.store (i32.const 72) (i32.const 6))
      (if (local.get 0) (then (i32.store (i32.const 68) (call $new (local.get 0)))))
      (i32.const 64))
    (func (export "{API}#[method]account.owner") (param i32) (result i32) (local.get 0))
    (func (export "{API}#[method]account.same") (param i32 i32) (result i32)
      (i32.eq (local.get 0) (local.get 1)))
    (func (export "{API}#give") (param i32) (result i32) (call $rep (local.get 0)))
    (func (export "t:t/more#pick") (result i32) (i32.const 7))
    (func (export "crash") unreachable)
    (data (i32.const 128) "nobody")
    """,
    "export api; export more; export crash: func();",
    EVERYTHING,
)
