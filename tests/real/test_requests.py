"""A command that sends a request, from a core module: out it goes where `wasi:http` is allowed, and nowhere else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.cli.programs import CLI, MEMORY
from tests.components import wasm_tools
from tests.real.toolchains import HERE
from tests.sample.conftest import wpkg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPES, OUT, POLL = "wasi:http/types@0.2.0", "wasi:http/outgoing-handler@0.2.0", "wasi:io/poll@0.2.0"
SENDING = """
  use wasi:io/poll@0.2.0.{pollable};
  variant scheme { HTTP, HTTPS, other(string) }
  resource request-options { constructor(); }
  resource outgoing-request {
    constructor(headers: headers);
    set-scheme: func(scheme: option<scheme>) -> result;
    set-authority: func(authority: option<string>) -> result;
    set-path-with-query: func(path-with-query: option<string>) -> result;
  }
  resource future-incoming-response { subscribe: func() -> pollable; }
}
interface outgoing-handler {
  use types.{outgoing-request, request-options, future-incoming-response, error-code};
  handle: func(request: outgoing-request, options: option<request-options>)
    -> result<future-incoming-response, error-code>;
}
interface incoming-handler {"""
WAITING = "interface poll { resource pollable { block: func(); } } interface error {"
# Sends a GET, and waits for the answer.
COMMAND = f"""(module
  (import "{TYPES}" "[constructor]fields" (func $fields (result i32)))
  (import "{TYPES}" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "{TYPES}" "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "{TYPES}" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
  (import "{TYPES}" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
  (import "{TYPES}" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
  (import "{OUT}" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "{POLL}" "[method]pollable.block" (func $block (param i32)))
  {MEMORY}
  (data (i32.const 16) "127.0.0.1:PORT")
  (data (i32.const 48) "/menu")
  (func (export "wasi:cli/run@0.2.0#run") (result i32)
    (local $r i32)
    (local.set $r (call $request (call $fields)))
    (drop (call $scheme (local.get $r) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $authority (local.get $r) (i32.const 1) (i32.const 16) (i32.const LENGTH)))
    (drop (call $path (local.get $r) (i32.const 1) (i32.const 48) (i32.const 5)))
    (call $handle (local.get $r) (i32.const 0) (i32.const 0) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (i32.const 1))))
    (call $block (call $subscribe (i32.load (i32.const 72))))
    (i32.const 0)))
"""


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """What a server was asked for; the first item is its port."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        paths.append(str(server.server_port))
        yield paths
        server.shutdown()
        thread.join()


def command(folder: Path, port: str) -> None:
    """The command that asks that port, as a file."""
    deps = HERE / "http-proxies" / "wit" / "deps"
    http = (deps / "wasi-http-0.2.0.wit").read_text()
    head, _, tail = http.rpartition("interface incoming-handler {")
    (folder / "wit" / "deps").mkdir(parents=True)
    (folder / "wit" / "deps" / "http.wit").write_text(head.rstrip().removesuffix("}") + SENDING + tail)
    io = (deps / "wasi-io-0.2.0.wit").read_text().replace("interface error {", WAITING)
    (folder / "wit" / "deps" / "io.wit").write_text(io)
    (folder / "wit" / "deps" / "cli.wit").write_text(CLI)
    (folder / "wit" / "w.wit").write_text(
        f"package t:t; world w {{ import {TYPES}; import {OUT}; import {POLL}; export wasi:cli/run@0.2.0; }}"
    )
    text = COMMAND.replace("PORT", port).replace("LENGTH", str(len(f"127.0.0.1:{port}")))
    module = wasm_tools("component", "embed", str(folder / "wit"), "-w", "w", data=text.encode())
    (folder / "asks.wasm").write_bytes(wasm_tools("component", "new", data=module))


def test_a_request_goes_out_where_it_is_allowed_only(tmp_path: Path, asked: list[str]) -> None:
    command(tmp_path, asked[0])
    refused = wpkg(tmp_path, tmp_path, "run", "asks.wasm")
    assert (refused.code, asked[1:]) == (5, [])
    allowed = wpkg(tmp_path, tmp_path, "run", "asks.wasm", "--allow", "wasi:http/*")
    assert (allowed.code, allowed.out, allowed.err) == (0, "", "")
    assert asked[1:] == ["/menu"]
