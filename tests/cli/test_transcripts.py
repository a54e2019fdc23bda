"""The commands as a person or a program meets them: words, exit codes, streams, JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.shim_process import running_shim
from tests.workflow.conftest import HARNESS, TRUST, VALIDATOR, component
from wpkg.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT = """# kept
name = "{name}"
version = "0.1.0"
language = "python"
type = "component"

[component]
build_command = "cp ../{name}.wasm build/{name}.wasm"
build_artifact = "build/{name}.wasm"

[package]
name = "pay:{name}"

[registries]
pay = "{registry}/demo"   # kept too
"""


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Terminal:
    """A folder, a registry, and somebody who types."""

    folder: Path
    registry: str
    capture: pytest.CaptureFixture[str]

    def type(self, *arguments: str) -> Outcome:
        self.capture.readouterr()
        code = run(list(arguments))
        captured = self.capture.readouterr()
        return Outcome(code, captured.out, captured.err)

    def project(self, name: str, extra: str = "") -> Path:
        root = self.folder / name
        (root / "build").mkdir(parents=True, exist_ok=True)
        (root / "wasmcloud.toml").write_text(PROJECT.format(name=name, registry=self.registry) + extra)
        return root


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shim(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def terminal(
    tmp_path: Path, registry: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    for name in list(os.environ):
        if name.startswith(("WPKG_", "COSIGN_")) or name in ("CI", "SOURCE_DATE_EPOCH", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WPKG_KEY_PASSWORD", "pw")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harness.wasm").write_bytes(component(HARNESS))
    (tmp_path / "validator.wasm").write_bytes(component(VALIDATOR))
    return Terminal(tmp_path, registry, capfd)


def test_a_whole_day(terminal: Terminal) -> None:
    folder = terminal.folder
    assert terminal.type("key", "generate", "--output", "platform").code == 0
    assert (folder / "platform.key").stat().st_mode & 0o777 == 0o600
    hint = terminal.type("key", "show", "platform.pub").out.split()[0]

    terminal.project("harness")
    assert terminal.type("build", "-C", "harness").code == 0
    first = terminal.type("push", "-C", "harness", "--key", "../platform.key", "--force")
    assert first.code == 0
    assert f"signed by {hint}" in first.out
    assert "Pushing" in first.err

    root = terminal.project("validator", TRUST.replace("127.0.0.1:5000", terminal.registry))
    (root / "platform.pub").write_bytes((folder / "platform.pub").read_bytes())
    added = terminal.type("add", "-C", "validator", "pay:harness@^0.1")
    assert (added.code, added.out.split()[:3]) == (0, ["added", "pay:harness", "0.1.0"])
    assert hint in added.out
    text = (root / "wasmcloud.toml").read_text()
    assert "# kept too" in text
    assert '"pay:harness" = "^0.1"' in text

    built = terminal.type("build", "-C", "validator", "--compose", "--json")
    assert built.code == 0
    assert built.document["schema"] == "wpkg.build/1"
    assert built.document["composed"]["changed"] is True
    again = terminal.type("build", "-C", "validator", "--compose", "--no-build", "--offline")
    assert again.out.count("(unchanged)") == 2

    pushed = terminal.type("push", "-C", "validator", "--key", "../platform.key", "--force", "--json")
    assert [a["kind"] for a in pushed.document["artifacts"]] == ["raw", "composed"]
    reference = pushed.document["artifacts"][1]["reference"]

    verified = terminal.type("verify", "-C", "validator", "pay:validator@0.1.0")
    assert verified.code == 0
    assert "verified" in verified.out
    assert "composed of pay:harness@0.1.0" in verified.out
    pulled = terminal.type("pull", reference, "--key", "platform.pub", "-o", "app.wasm")
    assert pulled.code == 0
    assert (folder / "app.wasm").read_bytes() == (root / "build" / "validator.composed.wasm").read_bytes()
    assert "\n  export run: func(message: string);\n" in terminal.type("inspect", "app.wasm").out
    assert "claims, not verified:" in terminal.type("inspect", reference).out
    locked = terminal.type("lock", "-C", "validator", "--check")
    assert (locked.code, locked.out) == (0, "wpkg.lock is up to date (1 package)\n")


def test_compose_files_and_show_the_plan(terminal: Terminal) -> None:
    plan = terminal.type("compose", "harness.wasm", "--with", "validator.wasm", "--plan")
    assert plan.code == 0
    assert "harness.wasm    pay:platform/validation@0.1.0  validator.wasm  same name" in plan.out
    assert "root: harness.wasm" in plan.out
    document = terminal.type("compose", "harness.wasm", "--with", "validator.wasm", "--plan", "--json").document
    assert [(host["name"], len(host["for"])) for host in document["host-imports"]] == [("sys:io/streams@0.2.0", 2)]
    done = terminal.type("compose", "harness.wasm", "--with", "validator.wasm", "-o", "out.wasm")
    assert (done.code, done.err) == (0, "")
    first = (terminal.folder / "out.wasm").read_bytes()
    (terminal.folder / "copy").mkdir()
    for name in ("harness", "validator"):
        (terminal.folder / f"{name}.wasm").rename(terminal.folder / "copy" / f"{name}-moved.wasm")
    terminal.type("compose", "copy/harness-moved.wasm", "--with", "copy/validator-moved.wasm", "-o", "again.wasm")
    assert (terminal.folder / "again.wasm").read_bytes() == first


def test_compose_what_is_published(terminal: Terminal) -> None:
    assert terminal.type("key", "generate", "--output", "platform").code == 0
    terminal.project("harness")
    terminal.project("validator")
    for name in ("harness", "validator"):
        assert terminal.type("build", "-C", name).code == 0
    assert terminal.type("push", "-C", "harness", "--key", "../platform.key", "--force").code == 0
    assert terminal.type("push", "-C", "validator", "--unsigned", "--force").code == 0
    harness, validator = (f"{terminal.registry}/demo/pay/{name}:0.1.0" for name in ("harness", "validator"))

    plan = terminal.type("compose", harness, "--with", "validator.wasm", "--plan")
    lines = [line.split() for line in plan.out.splitlines()]
    assert ["pay:harness", "pay:platform/validation@0.1.0", "validator.wasm", "same", "name"] in lines
    assert "was not verified" in plan.err
    composed = terminal.type(
        "compose", "-C", "harness", "pay:harness@0.1.0", "--with", validator, "-o", "../a.wasm"
    )
    assert composed.code == 0
    assert "\n  export run: func(message: string);\n" in terminal.type("inspect", "a.wasm").out
    drawn = terminal.type("graph", harness, "--with", f"v={validator}", "--format", "dot").out
    assert ('label="pay:harness' in drawn, 'label="v' in drawn) == (True, True)

    root = terminal.project("trusting", TRUST.replace("127.0.0.1:5000", terminal.registry))
    (root / "platform.pub").write_bytes((terminal.folder / "platform.pub").read_bytes())
    trusted = terminal.type("compose", "-C", "trusting", harness, "--with", "../validator.wasm", "-o", "b.wasm")
    assert (trusted.code, trusted.err) == (0, "")
    refused = terminal.type("compose", "-C", "trusting", harness, "--with", validator, "-o", "c.wasm")
    assert (refused.code, (root / "c.wasm").exists()) == (5, False)
    assert "is not signed" in refused.err

    missing = terminal.type(
        "compose", f"{terminal.registry}/demo/pay/none:1.0.0", "--with", "x.wasm", "-o", "d.wasm"
    )
    assert missing.code == 6
    unclear = terminal.type("compose", "missing", "--with", "validator.wasm", "-o", "d.wasm")
    assert (unclear.code, unclear.err.splitlines()[0]) == (2, "error: 'missing' is neither a file nor a reference")


def test_draw_files_and_a_project(terminal: Terminal) -> None:
    folder = terminal.folder
    files = ["harness.wasm", "--with", "validator.wasm"]
    drawn = terminal.type("graph", *files)
    assert (drawn.code, drawn.err) == (0, "")
    assert drawn.out.startswith("<svg ")
    assert drawn.out.endswith("</svg>\n")
    assert "<title>Composition of harness and 1 other component</title>" in drawn.out
    document = terminal.type("graph", *files, "--json").document
    assert (document["schema"], document["root"]) == ("wpkg.graph/1", "harness.wasm")
    assert [wanted["name"] for wanted in document["host-imports"]] == ["sys:io/streams@0.2.0"]
    assert terminal.type("graph", *files, "--format", "json").out == terminal.type("graph", *files, "--json").out

    for name, first in (("g.svg", "<svg "), ("g.mmd", "flowchart TB"), ("g.dot", "digraph "), ("g.json", "{")):
        done = terminal.type("graph", *files, "-o", f"made/{name}")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"made/{name}  ")
        assert (folder / "made" / name).read_text().startswith(first)
    assert (folder / "made" / "g.svg").read_text() == drawn.out
    done = terminal.type("graph", *files, "-o", "made/g.svg", "--format", "dot", "--json")
    assert done.document["schema"] == "wpkg.graph-file/1"
    assert (done.document["path"], done.document["format"]) == ("made/g.svg", "dot")
    assert (folder / "made" / "g.svg").read_text().startswith("digraph ")

    root = terminal.project("validator", '[dependencies]\n"pay:harness" = "^0.1"\n')
    terminal.project("harness")
    for arguments in (["build", "-C", "harness"], ["push", "-C", "harness", "--unsigned", "--force"]):
        assert terminal.type(*arguments).code == 0
    assert terminal.type("build", "-C", "validator", "--compose").code == 0
    before = sorted(path for path in root.rglob("*"))
    mermaid = terminal.type("graph", "-C", "validator", "--format", "mermaid", "--no-digests")
    assert (mermaid.code, mermaid.err) == (0, "")
    assert mermaid.out == PICTURE
    assert sorted(path for path in root.rglob("*")) == before


PICTURE = """flowchart TB
  e0(["run"])
  subgraph composition["composition"]
    c0["pay:harness<br/>0.1.0"]
    c1["pay:validator<br/>0.1.0"]
  end
  subgraph host["imported from the host"]
    h0["sys:io@0.2.0: streams"]
  end
  e0 --> c0
  c0 -->|"pay:platform@0.1.0: validation"| c1
  c0 --> h0
  c1 --> h0
  style c0 stroke-width:3px
"""


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(terminal: Terminal) -> None:
    (terminal.folder / "g.svg").write_text("old")
    assert terminal.type("graph", "harness.wasm", "--with", "none.wasm", "-o", "g.svg").code == 2
    assert (terminal.folder / "g.svg").read_text() == "old"
    (terminal.folder / "file").write_text("")
    outcome = terminal.type("graph", "harness.wasm", "-o", "file/g.svg")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("error: cannot write file/g.svg: ")


def test_a_component_that_is_not_needed_is_said(terminal: Terminal) -> None:
    (terminal.folder / "idle.wasm").write_bytes((terminal.folder / "validator.wasm").read_bytes())
    use = ["--use", "pay:platform/validation@0.1.0=validator.wasm"]
    outcome = terminal.type("graph", "harness.wasm", "--with", "validator.wasm", "--with", "idle.wasm", *use)
    assert outcome.err == "warning: 'idle.wasm' is not part of the composition: nothing imports what it exports\n"
    assert "not needed: idle" in outcome.out
    arguments = ["harness.wasm", "--with", "validator.wasm", "--with", "idle.wasm", *use, "--json"]
    assert terminal.type("graph", *arguments).document["unused"] == ["idle.wasm"]


def test_init_writes_a_project_that_can_be_read(terminal: Terminal) -> None:
    done = terminal.type("init", "acme:my-app")
    assert (done.code, done.out) == (0, "wrote wasmcloud.toml\n")
    assert terminal.type("lock").code == 0
    again = terminal.type("init")
    assert (again.code, again.err.splitlines()[0]) == (2, "error: wasmcloud.toml exists already")


ERRORS = [
    (["buidl"], 2, "error: there is no command 'buidl', did you mean 'build'?", "hint: wpkg --help"),
    (["build", "--compsoe"], 2, "error: no such option", "hint: wpkg build --help"),
    (["build"], 2, "error: there is no wasmcloud.toml in .", "hint: run 'wpkg init' there, or name the folder with -C"),
    (["build", "-C", "nowhere"], 2, "error: there is no folder nowhere", None),
    (["add", "-C", "validator", "harness"], 2, "error: 'harness' is not a package name", "hint: a package name is"),
    (["add", "-C", "validator", "pay:x@^^1"], 2, "error: '^^1' is not a version requirement", "hint: write it as cargo"),
    (["add", "-C", "validator", "pay:nothing@1"], 6, "error: pay:nothing is not in the registry: there is no", "hint: check"),
    (["add", "-C", "validator", "other:x@1"], 2, "error: no registry is configured for the namespace 'other'", "hint: add to"),
    (["compose", "harness.wasm", "--with", "text.wat", "-o", "o.wasm"], 2, "error: text.wat: it is text, not a binary", "hint"),
    (["compose", "harness.wasm", "--with", "core.wasm", "-o", "o.wasm"], 2, "error: core.wasm: it is a core module", "hint"),
    (["compose", "harness.wasm", "--with", "empty.wasm", "-o", "o.wasm"], 2, "error: empty.wasm: it is empty", None),
    (["compose", "harness.wasm", "--with", "folder", "-o", "o.wasm"], 2, "error: folder is a folder, a component file", None),
    (["compose", "harness.wasm", "--with", "cut.wasm", "-o", "o.wasm"], 2, "error: cut.wasm: malformed component: ", None),
    (["compose", "harness.wasm", "--with", "none.wasm", "-o", "o.wasm"], 2, "error: none.wasm is not there", None),
    (["compose", "harness.wasm"], 2, "error: say where the result goes with -o FILE, or ask for --plan", "hint"),
    (["graph"], 2, "error: there is no wasmcloud.toml in .", "hint: run 'wpkg init' there, or name the folder with -C"),
    (["graph", "--with", "harness.wasm"], 2, "error: say which component is the root: wpkg graph ROOT --with DEP", "hint"),
    (["graph", "harness.wasm", "-o", "o.png"], 2, "error: the name o.png does not say what to write: add --format", "hint"),
    (["graph", "harness.wasm", "--with", "none.wasm", "-o", "o.svg"], 2, "error: none.wasm is not there", None),
    (["graph", "harness.wasm", "--with", "validator.wasm", "--with", "validator2.wasm"], 4, "error: import 'pay:platform/validation@0.1.0' of 'harness.wasm' is exported by several", "hint: choose one: --use 'harness.wasm / pay:platform/validation@0.1.0=validator.wasm'"),
    (["graph", "-C", "validator"], 1, "error: there is no component at build/validator.wasm", "hint"),
    (["push", "-C", "validator"], 2, "error: name the key to sign with (--key FILE)", "hint"),
    (["push", "-C", "validator", "--key", "none.key"], 2, "error: cannot read none.key: no such file", None),
    (["pull", "127.0.0.1:1/a/b:1.0.0"], 6, "error: manifest 127.0.0.1:1/a/b:1.0.0: cannot reach 127.0.0.1:1 (connection refused)", "hint"),
    (["pull", "ghcr.io/a/b:1.0.0", "--offline"], 6, "error: manifest ghcr.io/a/b:1.0.0 is not in the cache, and --offline", "hint"),
    (["pull", "a:b@1.0.0"], 2, "error: there is no wasmcloud.toml in .", "hint"),
    (["verify", "-C", "validator", "pay:validator@1.0.0"], 2, "error: nothing says whom to trust", "hint: name a public key"),
    (["lock", "-C", "broken"], 2, "error: wasmcloud.toml: not valid TOML: ", None),
    (["inspect", "text.wat"], 2, "error: text.wat: it is text", "hint"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "first", "hint"), ERRORS, ids=[" ".join(case[0]) for case in ERRORS]
)
def test_errors_are_one_sentence_a_hint_and_a_code(
    terminal: Terminal, arguments: list[str], code: int, first: str, hint: str | None
) -> None:
    folder = terminal.folder
    terminal.project("validator")
    (folder / "text.wat").write_text("(component)")
    (folder / "validator2.wasm").write_bytes((folder / "validator.wasm").read_bytes())
    (folder / "core.wasm").write_bytes(b"\0asm\x01\0\0\0")
    (folder / "empty.wasm").write_bytes(b"")
    (folder / "cut.wasm").write_bytes((folder / "validator.wasm").read_bytes()[:300])
    (folder / "folder").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "wasmcloud.toml").write_text("name = ")
    outcome = terminal.type(*arguments)
    assert outcome.code == code, outcome
    lines = [
        line for line in outcome.err.splitlines() if not line.startswith(" ") and not line.startswith("warning")
    ]
    assert lines[0].startswith(first), outcome.err
    if hint is not None:
        assert lines[1].startswith(hint), outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert not (folder / "o.wasm").exists()

    document = terminal.type(*arguments, "--json").document
    assert document["schema"] == "wpkg.error/1"
    assert document["error"]["exit"] == code
    assert first.removeprefix("error: ") in document["error"]["message"]


def test_in_ci_the_lock_is_not_touched(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    root = terminal.project("validator", '[dependencies]\n"pay:harness" = "^0.1"\n')
    monkeypatch.setenv("CI", "true")
    for arguments in (["lock"], ["build", "--compose"], ["push", "--unsigned"]):
        outcome = terminal.type(*arguments, "-C", "validator")
        assert outcome.code == 7, outcome
        assert "wpkg.lock is out of date: there is no lock file" in outcome.err
    assert not (root / "wpkg.lock").exists()


def test_a_wrong_password_is_said_and_nothing_is_pushed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.project("harness")
    terminal.type("key", "generate", "--output", "k")
    terminal.type("build", "-C", "harness")
    monkeypatch.setenv("WPKG_KEY_PASSWORD", "other")
    outcome = terminal.type("push", "-C", "harness", "--key", "../k.key")
    assert outcome.code == 2
    assert "../k.key: " in outcome.err
    assert "password" in outcome.err
    assert "other" not in outcome.err.replace("another", "")


def test_a_plain_key_is_taken_with_a_warning(terminal: Terminal) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (terminal.folder / "plain.key").write_bytes(key)
    terminal.project("harness")
    terminal.type("build", "-C", "harness")
    outcome = terminal.type("push", "-C", "harness", "--key", "../plain.key", "--force")
    assert outcome.code == 0, outcome.err
    assert "warning: the private key in ../plain.key is not encrypted" in outcome.err


def test_a_key_is_never_overwritten(terminal: Terminal) -> None:
    assert terminal.type("key", "generate").code == 0
    before = (terminal.folder / "wpkg.key").read_bytes()
    assert terminal.type("key", "generate").code == 2
    assert (terminal.folder / "wpkg.key").read_bytes() == before


def test_what_a_registry_says_cannot_drive_the_terminal(terminal: Terminal) -> None:
    outcome = terminal.type("inspect", "x\x1b[2Jy.wasm")
    assert "\x1b" not in outcome.err
    assert "\\x1b[2J" in outcome.err


@pytest.mark.parametrize("arguments", [["--help"], [], ["-h"], ["build", "--help"], ["key", "--help"]])
def test_help_goes_to_stdout(terminal: Terminal, arguments: list[str]) -> None:
    outcome = terminal.type(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: wpkg")


def test_version(terminal: Terminal) -> None:
    assert terminal.type("--version").out.startswith("wpkg 0.")
