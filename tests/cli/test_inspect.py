"""`wpkg inspect` as a person or a program meets it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import compose, from_text, from_wit, wasm_tools
from tests.wit import binary_package
from tests.workflow.conftest import HARNESS, IO, PLATFORM, VALIDATOR
from wpkg.cli.main import run
from wpkg.component.nesting import MAX_TREE_DEPTH
from wpkg.component.sections import COMPONENT_PREAMBLE, MODULE_PREAMBLE, section, section_header
from wpkg.component.write import name
from wpkg.names.amount import size_text

if TYPE_CHECKING:
    from collections.abc import Callable

WIT = """package acme:app@1.0.0;
interface log { resource sink { write: func(line: string); } open: func() -> sink; }
"""
APP = "import acme:app/log@1.0.0; export run: func() -> u32;"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.wasm").write_bytes(from_wit(APP, WIT))
    return tmp_path


def typed(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capture.readouterr()
    code = run(["inspect", *arguments])
    captured = capture.readouterr()
    return code, captured.out, captured.err


def document(capture: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = typed(capture, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_component_is_shown_with_digest_size_and_wit(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = (folder / "app.wasm").read_bytes()
    code, out, err = typed(capfd, "app.wasm")
    assert (code, err) == (0, "")
    first, second, empty, wit = out.split("\n", 3)
    assert (first, empty) == ("app.wasm", "")
    assert second == f"component sha256:{hashlib.sha256(data).hexdigest()}, {size_text(len(data))}"
    assert wit == wasm_tools("component", "wit", "app.wasm").decode()


def test_the_wit_alone_can_be_written_to_a_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capfd, "app.wasm", "--wit")
    assert (code, err) == (0, "")
    assert out == wasm_tools("component", "wit", "app.wasm").decode()
    (folder / "app.wit").write_text(out)
    assert run(["targets", "app.wasm", "--wit", "app.wit", "--world", "root"]) == 0


def test_the_page_shows_what_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    parts = {
        name: from_wit(world, PLATFORM, IO) for name, world in (("harness", HARNESS), ("validator", VALIDATOR))
    }
    (folder / "app.wasm").write_bytes(compose(parts))
    (folder / "odd.wasm").write_bytes(from_text('(component (import "m" (core module)))'))
    page = (Path(__file__).resolve().parents[2] / "docs" / "inspect.md").read_text()
    for arguments in (["app.wasm"], ["odd.wasm", "--wit"]):
        _, out, err = typed(capfd, *arguments)
        assert f"```\n$ wpkg inspect {' '.join(arguments)}\n{err}{out}```\n" in page


def test_a_program_gets_names_types_and_wit(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = (folder / "app.wasm").read_bytes()
    assert document(capfd, "app.wasm") == {
        "schema": "wpkg.inspect/1",
        "subject": "app.wasm",
        "component": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "size": len(data),
        "kind": "component",
        "imports": [{"name": "acme:app/log@1.0.0", "type": "an instance"}],
        "exports": [{"name": "run", "type": "func() -> u32"}],
        "wit": wasm_tools("component", "wit", "app.wasm").decode(),
        "not-in-wit": [],
    }


def test_a_wit_package_is_shown_too(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "wit.wasm").write_bytes(binary_package("/// Logs.\n" + WIT))
    code, out, err = typed(capfd, "wit.wasm")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("WIT package sha256:")
    assert "\n\n/// Logs.\npackage acme:app@1.0.0;\n\ninterface log {\n  resource sink {\n" in out
    found = document(capfd, "wit.wasm")
    assert (found["kind"], found["imports"], found["exports"]) == ("wit", [], [])
    assert found["wit"] == wasm_tools("component", "wit", "wit.wasm").decode()


def test_what_wit_cannot_say_is_said_beside_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "odd.wasm").write_bytes(from_text('(component (import "m" (core module)))'))
    said = "import 'm' is a core module, which a world cannot have"
    assert typed(capfd, "odd.wasm")[1].endswith(f"\n\nnot in the WIT:\n  {said}\n")
    assert typed(capfd, "odd.wasm", "--wit") == (
        0,
        "package root:component;\n\nworld root {\n}\n",
        f"warning: not in the WIT: {said}\n",
    )
    assert document(capfd, "odd.wasm")["not-in-wit"] == [said]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_composition_shows_its_parts_by_their_digests(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    parts = {"app": from_wit(APP, WIT), "log": from_wit("export acme:app/log@1.0.0;", WIT)}
    data = compose(parts)
    (folder / "composed.wasm").write_bytes(data)
    tree = document(capfd, "composed.wasm", "--tree")["tree"]
    assert (tree["digest"], tree["size"], tree["modules"]) == (digest(data), len(data), {"count": 0, "size": 0})
    assert {part["digest"] for part in tree["components"]} == {digest(part) for part in parts.values()}
    [log] = [part for part in tree["components"] if part["digest"] == digest(parts["log"])]
    assert log["modules"]["count"] > 0
    assert len(log["components"]) == 1  # in which wit-component puts the exported instance
    lines = typed(capfd, "composed.wasm", "--tree")[1].splitlines()
    assert lines[0] == f"composed.wasm  {digest(data)}  {size_text(len(data))}"
    assert [line[:4] for line in lines[1:]] == ["├── ", "└── ", "    "]


def test_parts_are_called_by_the_names_that_they_have(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Names are by index, and what is imported or aliased takes an index too."""
    text = """(component $outer
      (component $first (core module $m) (component $inner))
      (import "imported" (component $other))
      (alias outer $outer $first (component $alias))
      (component $second (core module) (core module))
      (export "second" (component $second))
      (component $third)
      (component))"""
    (folder / "named.wasm").write_bytes(from_text(text))
    tree = document(capfd, "named.wasm", "--tree")["tree"]
    assert tree["name"] == "outer"
    assert [part["name"] for part in tree["components"]] == ["first", "second", "third", None]
    assert tree["components"][0]["components"][0]["name"] == "inner"
    assert tree["components"][1]["modules"] == {"count": 2, "size": 16}
    lines = typed(capfd, "named.wasm", "--tree")[1].splitlines()
    assert [line.partition("  sha256:")[0] for line in lines] == [
        "named.wasm", "├── first", "│   └── inner", "├── second", "├── third", "└── (no name)",
    ]  # fmt: skip
    assert lines[3].endswith(", 2 core modules of 16 bytes")


@pytest.mark.parametrize("names", [b"\x00\xff", b"\x01\x03\x04\x7f\x00", b"\x07", b"\x00\x02\x01\xff"])
def test_a_damaged_name_section_is_no_obstacle(
    folder: Path, capfd: pytest.CaptureFixture[str], names: bytes
) -> None:
    inner = COMPONENT_PREAMBLE + section(0, name("component-name") + names)
    (folder / "odd.wasm").write_bytes(COMPONENT_PREAMBLE + section(4, inner))
    [part] = document(capfd, "odd.wasm", "--tree")["tree"]["components"]
    assert (part["name"], part["digest"]) == (None, digest(inner))


def test_a_deep_tree_is_cut_off(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = COMPONENT_PREAMBLE
    for _ in range(MAX_TREE_DEPTH + 5):
        data = COMPONENT_PREAMBLE + section(4, data)
    (folder / "deep.wasm").write_bytes(data)
    lines = typed(capfd, "deep.wasm", "--tree")[1].splitlines()
    assert len(lines) == MAX_TREE_DEPTH + 2
    assert lines[-1].strip() == "└── … 5 more, nested deeper"
    tree = document(capfd, "deep.wasm", "--tree")["tree"]
    for _ in range(MAX_TREE_DEPTH):
        assert tree["hidden"] == 0
        [tree] = tree["components"]
    assert (tree["components"], tree["hidden"]) == ([], 5)


ERRORS: list[tuple[str, Callable[[Path], object], str]] = [
    ("text.wasm", lambda path: path.write_text("(component)"), "error: text.wasm: it is text, not a binary component"),
    ("a.wit", lambda path: path.write_text(WIT), "error: a.wit: it is text, not a binary component"),
    ("module.wasm", lambda path: path.write_bytes(MODULE_PREAMBLE), "error: module.wasm: it is a core module, not a component"),
    ("empty.wasm", lambda path: path.write_bytes(b""), "error: empty.wasm: it is empty"),
    ("folder", lambda path: path.mkdir(), "error: folder is a folder, a component file is needed"),
    ("none.wasm", Path.absolute, "error: none.wasm is not there, a component file is needed"),
    ("short.wasm", lambda path: path.write_bytes(COMPONENT_PREAMBLE[:6]), "error: short.wasm: it is cut off"),
    ("cut.wasm", lambda path: path.write_bytes(from_wit(APP, WIT)[:-40]), "error: cut.wasm: malformed component: section 0x00 of "),
    ("huge.wasm", lambda path: path.write_bytes(COMPONENT_PREAMBLE + section_header(1, 2**32 - 1)), "error: huge.wasm: malformed component: section 0x01 of 4294967295 bytes ends beyond the file"),
    ("none.wit.wasm", lambda path: path.write_bytes(from_text('(component (type (component)) (export "t" (type 0)))')), "error: none.wit.wasm: it is a WIT package that says to be none"),
    ("odd.wit.wasm", lambda path: path.write_bytes(from_text('(component (type (component (export "a" (instance)))) (export "t" (type 0)))')), "error: odd.wit.wasm: it is a WIT package with the name 'a', which is not of any package"),
    ("func.wit.wasm", lambda path: path.write_bytes(from_text('(component (type (component (export "a:b/c" (func)))) (export "t" (type 0)))')), "error: func.wit.wasm: it is a WIT package in which 'a:b/c' is func()"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "make", "says"), ERRORS, ids=[case[0] for case in ERRORS])
@pytest.mark.parametrize("option", [[], ["--wit"], ["--tree"]])
def test_bad_input_gets_one_sentence(
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    file: str,
    make: Callable[[Path], object],
    says: str,
    option: list[str],
) -> None:
    make(folder / file)
    code, out, err = typed(capfd, file, *option)
    assert (code, out) == (2, "")
    assert err.startswith(says)
    assert [line for line in err.splitlines()[1:] if not line.startswith("hint: ")] == []


def test_two_views_at_once_are_refused(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert typed(capfd, "app.wasm", "--wit", "--tree") == (2, "", "error: --wit and --tree do not go together\n")


MEASURED = """
import json, re, sys
from pathlib import Path
from wpkg.cli.main import run
code = run(["inspect", *sys.argv[1:]])
read = int(re.search("rchar: ([0-9]+)", Path("/proc/self/io").read_text())[1])
memory = 1024 * int(re.search("VmHWM:\\\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
json.dump({"read": read, "memory": memory}, sys.stderr)
sys.exit(code)
"""


def test_core_modules_are_not_read_for_the_wit(folder: Path) -> None:
    """A module of 300 MB, none of which is on the disk: whoever reads it has it in memory."""
    size = 300 * 1024 * 1024
    data = from_wit(APP, WIT)
    with Path("large.wasm").open("wb") as file:
        file.write(COMPONENT_PREAMBLE + section_header(1, size) + MODULE_PREAMBLE)
        file.seek(size - len(MODULE_PREAMBLE), 1)
        file.write(data[len(COMPONENT_PREAMBLE) :])
    done = subprocess.run([sys.executable, "-c", MEASURED, "large.wasm", "--wit"], capture_output=True, check=True)
    assert done.stdout == wasm_tools("component", "wit", "app.wasm")
    measured = json.loads(done.stderr)
    assert measured["memory"] < 150_000_000
    assert measured["read"] < 50_000_000
