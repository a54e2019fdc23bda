"""Links at run time, capabilities, chains and manifests as a person meets them: words, hints, exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_transcripts import registry, terminal  # noqa: F401 - fixtures
from tests.components import from_wit
from tests.workflow.test_capabilities import API, NET, TIME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.test_transcripts import Outcome, Terminal

LOG = "import pay:api/log@1.0.0; import sys:time/clock@0.2.0; export run: func();"
CLOCK = "import sys:time/clock@0.2.0; export pay:api/log@1.0.0;"
SOCKET = "import sys:time/clock@0.2.0; import sys:net/tcp@0.2.0; export pay:api/log@1.0.0;"


def made(body: str, api: str = API) -> bytes:
    return from_wit(body, NET, TIME, api)


class Desk:
    """A terminal where components are published and an app depends on them; names of its own for each test."""

    def __init__(self, terminal: Terminal, prefix: str) -> None:  # noqa: F811
        self.terminal, self.prefix = terminal, prefix

    def publish(self, name: str, data: bytes, version: str = "0.1.0") -> str:
        full = f"{self.prefix}-{name}"
        (self.terminal.folder / f"{full}.wasm").write_bytes(data)
        root = self.terminal.project(full)
        file = root / "wasmcloud.toml"
        file.write_text(file.read_text().replace('version = "0.1.0"', f'version = "{version}"'))
        assert self.terminal.type("build", "-C", full).code == 0
        done = self.terminal.type("push", "-C", full, "--unsigned")
        assert done.code == 0, done.err
        return f"pay:{full}"

    def app(self, extra: str, body: str = LOG) -> Path:
        (self.terminal.folder / f"{self.prefix}.wasm").write_bytes(made(body))
        return self.terminal.project(self.prefix, extra)

    def type(self, command: str, *arguments: str) -> Outcome:
        return self.terminal.type(command, "-C", self.prefix, *arguments)


@pytest.fixture
def desk(terminal: Terminal, request: pytest.FixtureRequest) -> Desk:  # noqa: F811
    return Desk(terminal, request.node.originalname.replace("_", "-").removeprefix("test-"))


def test_does_not_exist(desk: Desk) -> None:
    audit = desk.publish("audit", made("export other: func();"))
    desk.app(f'[dependencies]\n"{audit}" = {{ version = "*", link = "runtime" }}\n')
    done = desk.type("build")
    assert done.code == 4
    assert f"error: {audit} 0.1.0 is linked at run time, and nothing imports what it exports\n" in done.err
    assert "hint: it has other; what is left to the host: pay:api/log@1.0.0, sys:time/clock@0.2.0\n" in done.err


def test_does_not_fit(desk: Desk) -> None:
    other = API.replace("write: func(s: string)", "write: func(s: list<u8>)")
    audit = desk.publish("audit", made(CLOCK, other))
    desk.app(f'[dependencies]\n"{audit}" = {{ version = "*", link = "runtime" }}\n')
    done = desk.type("build", "--json")
    assert done.code == 4
    assert done.document["error"]["code"] == "link-mismatch"
    assert "write → parameter 's': wanted string, given list<u8>" in done.document["error"]["message"]


def test_ambiguous_link(desk: Desk) -> None:
    lines = "".join(
        f'"{desk.publish(name, made(CLOCK))}" = {{ version = "*", link = "runtime" }}\n' for name in ("one", "two")
    )
    desk.app(f"[dependencies]\n{lines}")
    done = desk.type("build")
    assert done.code == 4
    assert "are both linked at run time to import 'pay:api/log@1.0.0', and neither has a name\n" in done.err
    assert 'link = "runtime", name = "second" }' in done.err


def test_not_allowed(desk: Desk) -> None:
    audit = desk.publish("audit", made(SOCKET))
    desk.app(f'[dependencies]\n"{audit}" = "*"\n[capabilities."{audit}"]\ndeny = ["sys:net/*"]\n')
    done = desk.type("build", "--compose")
    assert done.code == 5
    assert (
        f"error: '{audit}' asks the host for 'sys:net/tcp@0.2.0': denied of '{audit}' by 'sys:net/*'\n"
        f"hint: do without '{audit}', take the pattern out of deny, or let what is denied trap" in done.err
    )
    assert f'[capabilities."{audit}"]\n    denied = "trap"\n' in done.err
    plan = desk.type("build", "--plan", "--json")
    assert plan.code == 0
    assert [c["import"] for c in plan.document["capabilities"] if not c["allowed"]] == ["sys:net/tcp@0.2.0"]
    assert "not allowed: " in desk.type("build", "--plan").out


def test_newly_asked_for(desk: Desk) -> None:
    audit = desk.publish("audit", made(CLOCK))
    root = desk.app(f'[dependencies]\n"{audit}" = "*"\n')
    assert desk.type("lock").code == 0
    desk.publish("audit", made(SOCKET), "0.2.0")
    done = desk.type("update")
    assert done.code == 5
    assert f"error: {audit} 0.2.0 asks for 'sys:net/tcp@0.2.0', which 0.1.0 did not\n" in done.err
    line = done.err.partition("write in wasmcloud.toml:\n")[2]
    assert line.split() == [f'[capabilities."{audit}"]', "allow", "=", '["sys:net/tcp",', '"sys:time/clock"]']
    with (root / "wasmcloud.toml").open("a") as file:
        file.write(line)
    assert desk.type("update").out.startswith(f"updated {audit} 0.1.0 -> 0.2.0")


def test_a_link_is_shown_apart_from_what_the_host_gives(desk: Desk) -> None:
    audit = desk.publish("audit", made(CLOCK))
    desk.app("")
    assert desk.type("add", f"{audit}@*", "--link", "runtime", "--link-name", "eu").code == 0
    assert desk.type("build").code == 0
    plan = desk.type("build", "--plan")
    assert f"linked at run time: pay:api/log@1.0.0 to {audit}, by the name eu\n" in plan.out
    document = desk.type("build", "--plan", "--json").document
    assert [host["name"] for host in document["host-imports"]] == ["sys:time/clock@0.2.0"]
    assert [(link["name"], link["dependency"]) for link in document["runtime-links"]] == [
        ("pay:api/log@1.0.0", audit)
    ]
    graph = desk.type("graph", "--json").document
    assert [(link["dependency"], link["link-name"]) for link in graph["runtime-links"]] == [(audit, "eu")]
    assert desk.type("push", "--unsigned").code == 0
    shown = desk.type("inspect", f"pay:{desk.prefix}@0.1.0").out
    assert f"linked at run time: pay:api/log@1.0.0 to {audit}, by the name eu\n" in shown


def test_a_chain_with_a_stranger_in_it(desk: Desk) -> None:
    audit = desk.publish("audit", made(CLOCK))
    desk.app(f'[dependencies]\n"{audit}" = "*"\n[composition]\nchain = ["{audit}"]\n')
    done = desk.type("build", "--compose")
    assert done.code == 4
    assert f"error: '{audit}' is in the chain, and exports nothing that it imports\n" in done.err


def test_a_manifest(desk: Desk) -> None:
    desk.app("", "export run: func();")
    assert desk.type("build").code == 0
    missing = desk.type("manifest", "--target", "wadm")
    assert (missing.code, "is not published\nhint: run 'wpkg push' first\n" in missing.err) == (6, True)
    assert desk.type("push", "--unsigned").code == 0
    made_yaml = desk.type("manifest", "--target", "wadm").out
    assert made_yaml.startswith("# Written by wpkg from wasmcloud.toml and wpkg.lock for wasmCloud 1.x")
    done = desk.type("manifest", "--target", "workload", "-o", "deploy.json")
    assert (done.code, done.out) == (0, "deploy.json  workload\n")
    document = json.loads((desk.terminal.folder / desk.prefix / "deploy.json").read_text())
    assert document["kind"] == "WorkloadDeployment"
    assert desk.type("manifest", "--target", "workload", "--json").document["manifest"] == document
    assert desk.type("manifest").code == 2
