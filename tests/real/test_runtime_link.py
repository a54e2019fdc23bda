"""A project in a chain of wasi:http proxies, with a link at run time, under a host that somebody else wrote.

The project's own component answers; the gates in front of it are composed; the audit service that it asks is not: wash
has it as a component of its own, and links the two by what they import and export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.components import from_text, world
from tests.real.test_proxies import GATES, HANDLER, SOURCE, answer, served
from tests.real.toolchains import from_core
from tests.sample.conftest import wpkg
from tests.shim_process import running_shim
from tests.workflow.test_manifest import check_workload

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("proxies")]

AUDIT = "proxies:audit/log@0.1.0"
PROJECT = """name = "{name}"
version = "0.1.0"
language = "wat"
type = "component"
[component]
build_command = "cp ../{name}.wasm build/{name}.wasm"
build_artifact = "build/{name}.wasm"
[package]
name = "proxies:{name}"
[registries]
proxies = "{registry}/demo"
"""
CLERK = """[dependencies]
"proxies:staff" = "*"
"proxies:long" = "*"
"proxies:audit" = { version = "*", link = "runtime" }
[composition]
chain = ["proxies:staff", "proxies:long"]
[capabilities]
allow = ["wasi:http/*", "wasi:io/*", "wasi:clocks/*"]
deny = ["wasi:sockets/*"]
"""


def make(folder: Path) -> None:
    text = (SOURCE / "gate.wat").read_text()
    for name, (path, status) in GATES.items():
        from_core(SOURCE, name, folder, text.format(path=path, status=status), "gate")
    teapot = (SOURCE / "teapot.wat").read_text()
    asking = f'(module\n  (import "{AUDIT}" "seen" (func $seen (result i32)))'
    from_core(
        SOURCE, "clerk", folder, teapot.replace("(module", asking, 1).replace("(i32.const 418)", "(call $seen)")
    )
    (folder / "audit.wasm").write_bytes(
        from_text(f"""(component
          (core module $m (func (export "seen") (result i32) (i32.const 202)))
          (core instance $i (instantiate $m))
          (func $seen (result u32) (canon lift (core func $i "seen")))
          (instance $out (export "seen" (func $seen)))
          (export "{AUDIT}" (instance $out)))""")
    )


def typed(folder: Path, name: str, *arguments: str) -> str:
    answered = wpkg(folder / name, folder, *arguments)
    assert answered.code == 0, answered.err
    return answered.out


@pytest.fixture(scope="session")
def clerk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder where all of it was built and published, and what the manifest says of the workload."""
    folder = tmp_path_factory.mktemp("runtime-link")
    make(folder)
    with running_shim(folder / "registry") as registry:
        for name in ("staff", "long", "audit", "clerk"):
            (folder / name / "build").mkdir(parents=True)
            text = PROJECT.format(name=name, registry=registry) + (CLERK if name == "clerk" else "")
            (folder / name / "wasmcloud.toml").write_text(text)
            typed(folder, name, "build", *(["--compose"] if name == "clerk" else []))
            typed(folder, name, "push", "--unsigned")
        manifest = yaml.safe_load(typed(folder, "clerk", "manifest", "--target", "workload"))
    check_workload(manifest)
    return folder, manifest["spec"]["template"]["spec"]


def test_a_request_goes_through_the_chain_to_the_one_who_asks_the_linked_service(
    clerk: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, spec = clerk
    assert [component["name"] for component in spec["components"]] == ["clerk", "proxies-audit"]
    made = folder / "clerk" / "build" / "clerk.composed.wasm"
    assert world(made.read_bytes()) == ["import wasi:http/types@0.2.0", f"import {AUDIT}", f"export {HANDLER}"]
    linked = [{"name": "audit", "file": str(folder / "audit.wasm")}]
    with served(made, tmp_path, components=linked, interfaces=spec["hostInterfaces"]) as port:
        assert answer(port, "/menu") == (202, "")
        assert answer(port, "/staff/room") == (403, "")
        assert answer(port, "/staff/long/way") == (403, "")


def test_without_the_linked_service_the_host_does_not_start_it(
    clerk: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, spec = clerk
    made = folder / "clerk" / "build" / "clerk.composed.wasm"
    refusal = f"component imports instance `{AUDIT}`, but a matching implementation was not found"
    with (
        pytest.raises(AssertionError, match=refusal),
        served(made, tmp_path, interfaces=spec["hostInterfaces"]),
    ):
        pytest.fail("it is served")
