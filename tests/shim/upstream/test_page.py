"""The page shows what is mirrored, and fetches what it takes for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.page.door import Door
from registry_shim.protocol.messages import Request
from registry_shim.protocol.registry import exchange
from tests.components import from_wit
from tests.shim.upstream.conftest import Clock, mirror_of
from tests.shim.wire import push_blob, put
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import PackageRecord, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.store import Store
    from tests.fakes.fault_proxy import FaultProxy
    from tests.shim.wire import SocketClient


def test_a_component(
    upstream: SocketClient, proxy: FaultProxy, store: Store, tmp_path: Path, clock: Clock, name: str
) -> None:
    """Larger than what is waited for, so that it is looked at while it comes."""
    wasm = from_wit("export run-it: func();")
    padding = 5 * 1024 * 1024
    wasm += b"\x00" + _leb(padding + 4) + b"\x03pad" + bytes(padding)  # a custom section
    blob = push_blob(upstream, name, wasm)
    layer = Descriptor("application/wasm", blob.digest, blob.size, {"org.opencontainers.image.title": "app.wasm"})
    record = PackageRecord(PackageName.parse("acme:app"), Version.parse("1.0.0"), "component")
    artifact = build_artifact(layer, WasmConfig(record, (), ("run-it",)))
    push_blob(upstream, name, artifact.config_bytes)
    assert put(upstream, name, "1.0.0", artifact.manifest_bytes).status == 201
    door = Door(mirror_of(proxy, store, clock), store, tmp_path / "catalogue.sqlite", "registry.test")
    try:
        page = exchange(door, Request("GET", f"/repositories/m/{name}:1.0.0"))
    finally:
        door.close()
    assert page.status == 200
    assert isinstance(page.body, bytes)
    assert b"export run-it: func();" in page.body


def _leb(number: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
