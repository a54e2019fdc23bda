"""`wpkg compose` as a person or a program meets it: on files that fit, and on files that are something else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.components import from_text, from_wit, wasm_tools
from wpkg.cli.main import run
from wpkg.component.decode import sections

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = from_wit("import f: func(); export run: func();")
DEP = from_wit("export f: func();")

Typed = tuple[int, str, str]  # exit code, stdout, stderr


@pytest.fixture
def type_(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Typed]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    Path("root.wasm").write_bytes(ROOT)
    Path("dep.wasm").write_bytes(DEP)

    def typed(*arguments: str) -> Typed:
        capfd.readouterr()
        code = run(list(arguments))
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return typed


def package_of_wit() -> bytes:
    Path("wit").mkdir()
    Path("wit/a.wit").write_text("package a:b; interface i { f: func(); }")
    return wasm_tools("component", "wit", "wit", "--wasm")


# What is given instead of a component, the sentence (behind "error: bad.wasm: "), and what must be in the hint.
NOT_COMPONENTS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "core module": (
        lambda: from_text("(module)"),
        "it is a core module, not a component",
        "wasm-tools component new",
    ),
    "WIT package": (package_of_wit, "it is a WIT package (interfaces only), not a component", "kind 'wit'"),
    "WAT": (lambda: b"(component)\n", "it is text, not a binary component", "wasm-tools parse"),
    "text": (
        lambda: b"# Notes\n\nNothing here is a component.\n",
        "it is text, not a binary component",
        "WIT describes components",
    ),
    "empty": (lambda: b"", "it is empty", ""),
    "other bytes": (lambda: b"\x7fELF\x02\x01\x01\0", "it is not WebAssembly", ""),
    "another version": (lambda: b"\0asm\x0e\0\x01\0", "it is WebAssembly of an unknown version", ""),
    "cut in the preamble": (lambda: DEP[:6], "it is cut off", ""),
    "cut off": (lambda: DEP[:-30], "malformed component: ", ""),
    "4 GB declared of types": (
        lambda: b"\0asm\x0d\0\x01\0\x07\x05\xff\xff\xff\xff\x0f",
        "malformed component: 4294967295 items cannot fit into what is left",
        "",
    ),
    "4 GB declared": (
        lambda: b"\0asm\x0d\0\x01\0\x01\xff\xff\xff\xff\x0f",
        "malformed component: section 0x01 of 4294967295 bytes ends beyond the file (at byte 0x8)",
        "",
    ),
}


@pytest.mark.parametrize("what", NOT_COMPONENTS)
@pytest.mark.parametrize("place", ["root", "dep"])
def test_what_is_no_component_is_refused_in_one_sentence(
    type_: Callable[..., Typed], what: str, place: str
) -> None:
    make, sentence, hint = NOT_COMPONENTS[what]
    Path("bad.wasm").write_bytes(make())
    root, dep = ("bad.wasm", "dep.wasm") if place == "root" else ("root.wasm", "bad.wasm")
    before = sorted(Path().iterdir())
    code, out, err = type_("compose", root, "--with", dep, "-o", "out.wasm")
    assert (code, out) == (2, "")
    first, *rest = err.splitlines()
    assert first.startswith(f"error: bad.wasm: {sentence}")
    assert (bool(rest), hint in err) == (bool(hint), True)
    assert sorted(Path().iterdir()) == before


def test_a_component_cut_off_anywhere_is_refused_in_one_sentence(type_: Callable[..., Typed]) -> None:
    """As malformed (2); where a section ends, as one that exports nothing (4), or without what comes after it (0)."""
    ends = {8, *(after for _, _, after in sections(memoryview(DEP), 0, len(DEP)))}
    codes = set()
    for length in range(len(DEP)):
        Path("bad.wasm").write_bytes(DEP[:length])
        code, out, err = type_("compose", "root.wasm", "--with", "bad.wasm", "-o", "out.wasm")
        codes.add(code)
        assert (code != 2) is (length in ends), (length, err)
        if code == 0:  # cut in what comes after the export, custom sections
            assert length > DEP.index(b"component-name") - 20
            Path("out.wasm").unlink()
            continue
        assert (out, err.count("error: ")) == ("", 1), (length, err)
        assert not Path("out.wasm").exists()
    assert codes == {0, 2, 4}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.wasm"], "error: nothing.wasm is not there, a component file is needed"),
        (["folder"], "error: folder is a folder, a component file is needed"),
        (["root.wasm", "--with", "folder"], "error: folder is a folder, a component file is needed"),
        (["root.wasm", "--with", "dep.wasm", "--with", "dep.wasm"], "error: 'dep.wasm' is given twice"),
        (["root.wasm", "--with", "/dev/null"], "error: /dev/null is no file, a component file is needed"),
        (
            ["root.wasm", "--with", "dep.wasm", "--plan", "--emit", "wac"],
            "error: --plan shows the composition, --emit writes it as a document: one of them",
        ),
        (["root.wasm", "--with", "dep.wasm", "--use", "f"], "error: 'f' is not of the form IMPORT=COMPONENT"),
    ],
)
def test_wrong_arguments_are_exit_2(type_: Callable[..., Typed], arguments: list[str], said: str) -> None:
    Path("folder").mkdir()
    code, out, err = type_("compose", *arguments, "-o", "out.wasm")
    assert (code, out, err.splitlines()[0]) == (2, "", said)
    assert not Path("out.wasm").exists()


def test_a_file_that_cannot_be_read_is_said(type_: Callable[..., Typed]) -> None:
    code, _, err = type_("compose", "root.wasm", "--with", "/proc/self/mem", "-o", "out.wasm")
    assert (code, err) == (2, "error: cannot read /proc/self/mem: input/output error\n")


def test_nothing_to_compose_is_exit_4_and_says_why(type_: Callable[..., Typed]) -> None:
    Path("near.wasm").write_bytes(from_wit("export a:b/i@2.0.0;", "package a:b@2.0.0; interface i { f: func(); }"))
    Path("wants.wasm").write_bytes(
        from_wit("import a:b/i@1.0.0; export run: func();", "package a:b@1.0.0; interface i { f: func(); }")
    )
    code, out, err = type_("compose", "wants.wasm", "--with", "near.wasm", "-o", "out.wasm")
    assert (code, out) == (4, "")
    assert err.splitlines() == [
        "error: nothing to compose: nothing that 'wants.wasm' imports is exported by 'near.wasm'",
        (
            "hint: 'wants.wasm' imports 'a:b/i@1.0.0', 'near.wasm' exports 'a:b/i@2.0.0', "
            "which does not match: the versions are not compatible"
        ),
    ]
    assert not Path("out.wasm").exists()
    code, out, _ = type_("compose", "wants.wasm", "--with", "near.wasm", "--plan")
    assert code == 0
    assert "wants.wasm  a:b/i@1.0.0  the host      no component exports it" in out
    assert "near miss: 'wants.wasm' imports 'a:b/i@1.0.0'" in out


def test_a_plan_is_the_same_for_people_and_programs(type_: Callable[..., Typed]) -> None:
    arguments = ("compose", "app=root.wasm", "--with", "one=dep.wasm", "--with", "two=dep.wasm", "--use", "f=two")
    _, out, _ = type_(*arguments, "--plan")
    assert out.splitlines() == [
        "COMPONENT  IMPORT  SATISFIED BY  WHY",
        "app        f       two           chosen",
        "",
        "root: app",
        "exports: run",
        "not needed: one",
    ]
    document = json.loads(type_(*arguments, "--plan", "--json")[1])
    assert document["schema"] == "wpkg.plan/1"
    assert document["imports"] == [
        {"component": "app", "import": "f", "satisfied-by": "two", "export": "f", "reason": "chosen"}
    ]
    assert document["unused"] == ["one"]
    code, out, err = type_(*arguments, "-o", "out.wasm")
    assert code == 0
    assert err == "warning: 'one' is not part of the composition: nothing imports what it exports\n"
    assert out.startswith("out.wasm  sha256:")


def test_an_ambiguous_import_is_settled_by_the_option_that_the_hint_shows(type_: Callable[..., Typed]) -> None:
    Path("too.wasm").write_bytes(from_wit("export f: func(); export g: func();"))
    arguments = ["compose", "root.wasm", "--with", "dep.wasm", "--with", "too.wasm", "-o", "out.wasm"]
    code, _, err = type_(*arguments)
    assert code == 4
    assert err.splitlines() == [
        "error: import 'f' of 'root.wasm' is exported by several components: 'dep.wasm', 'too.wasm'",
        "hint: choose one: --use 'root.wasm / f=dep.wasm'",
    ]
    assert type_(*arguments, "--use", "root.wasm / f=dep.wasm")[0] == 0


def test_a_circle_is_opened_by_the_option_that_the_hint_shows(type_: Callable[..., Typed]) -> None:
    Path("a.wasm").write_bytes(from_wit("import g: func(); export f: func();"))
    Path("b.wasm").write_bytes(from_wit("import f: func(); export g: func();"))
    arguments = ["compose", "root.wasm", "--with", "a.wasm", "--with", "b.wasm", "-o", "out.wasm"]
    code, _, err = type_(*arguments)
    assert code == 4
    assert err.splitlines() == [
        "error: the components need each other in a circle: 'a.wasm' → (g) → 'b.wasm' → (f) → 'a.wasm'",
        "hint: a component's imports must exist before it; leave one of these to the host: --use 'b.wasm / f=host'",
    ]
    assert type_(*arguments, "--use", "b.wasm / f=host")[0] == 0


@pytest.mark.parametrize(
    ("choice", "said", "hint"),
    [
        (
            "root.wasm / f=root.wasm",
            "error: 'root.wasm' is chosen for its own import 'f', which must exist before it",
            "hint: name another component, or 'host'",
        ),
        (
            "f=host",
            "error: nothing to compose: all that 'root.wasm' imports is left to the host by choice: 'f'",
            None,
        ),
    ],
)
def test_choices_that_leave_nothing_to_compose(
    type_: Callable[..., Typed], choice: str, said: str, hint: str | None
) -> None:
    code, out, err = type_("compose", "root.wasm", "--with", "dep.wasm", "--use", choice, "-o", "out.wasm")
    assert (code, out, err.splitlines()) == (4, "", [said, *([hint] if hint else [])])
    assert not Path("out.wasm").exists()


def test_who_has_a_resource_of_its_own_is_told_that_it_has_to_be_shared(type_: Callable[..., Typed]) -> None:
    wit = "package t:t; interface types { resource r; } interface api { use types.{r}; f: func() -> r; }"
    Path("root.wasm").write_bytes(from_wit("import t:t/types; import t:t/api; export run: func();", wit))
    Path("types.wasm").write_bytes(from_wit("export t:t/types;", wit))
    Path("api.wasm").write_bytes(from_wit("export t:t/types; export t:t/api;", wit))
    arguments = ["compose", "root.wasm", "--with", "types.wasm", "--with", "api.wasm", "-o", "out.wasm"]
    code, _, err = type_(*arguments, "--use", "t:t/types=types.wasm")
    assert (code, err.splitlines()) == (
        4,
        [
            (
                "error: 'api.wasm' exports 't:t/api', but not as 'root.wasm' imports it: "
                "r: wanted the resource, given another resource"
            ),
            "hint: 'root.wasm' has that resource from elsewhere; all who use it must have it from one component",
        ],
    )
    assert type_(*arguments, "--use", "t:t/types=api.wasm")[0] == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a component", '(component (import "c" (component)) (import "f" (func $f)) (export "run" (func $f)))'),
        (
            "a core module",
            '(component (import "c" (core module)) (import "f" (func $f)) (export "run" (func $f)))',
        ),
    ],
)
def test_what_cannot_be_passed_on_yet_is_called_what_it_is(
    type_: Callable[..., Typed], kind: str, text: str
) -> None:
    Path("root.wasm").write_bytes(from_text(text))
    code, out, err = type_("compose", "root.wasm", "--with", "dep.wasm", "-o", "out.wasm")
    assert (code, out) == (4, "")
    assert err == (
        f"error: 'root.wasm' imports 'c', {kind}; what can be connected or left to the host are instances, "
        "functions and types\n"
    )


def test_a_composition_that_may_ask_the_host_for_nothing(type_: Callable[..., Typed]) -> None:
    Path("more.wasm").write_bytes(from_wit("import f: func(); import g: func(); export run: func();"))
    code, _, err = type_("compose", "more.wasm", "--with", "dep.wasm", "--no-imports", "-o", "out.wasm")
    assert (code, err) == (
        4,
        "error: nothing was to be left to the host, and no component exports 'g' of 'more.wasm'\n",
    )
    assert not Path("out.wasm").exists()
    assert type_("compose", "root.wasm", "--with", "dep.wasm", "--no-imports", "-o", "out.wasm")[0] == 0


def test_sharing_modules_says_what_it_saves(type_: Callable[..., Typed]) -> None:
    code, out, _ = type_("compose", "root.wasm", "--with", "dep.wasm", "--share-modules", "-o", "out.wasm")
    assert code == 0
    assert out.splitlines()[1] == "1 core module shared, 134 bytes saved"
    document = json.loads(
        type_("compose", "root.wasm", "--with", "dep.wasm", "--share-modules", "-o", "out.wasm", "--json")[1]
    )
    assert (document["shared-modules"], document["saved"] > 64) == (1, True)


BALLAST = 150  # MiB in one core module


def test_memory_does_not_grow_with_the_modules(tmp_path: Path) -> None:
    from wpkg.component.sections import leb, section

    module = b"\0asm\x01\0\0\0" + section(0, leb(1) + b"b" + bytes(BALLAST << 20))
    (tmp_path / "root.wasm").write_bytes(ROOT + section(1, module))
    (tmp_path / "dep.wasm").write_bytes(DEP)
    code = (
        "import sys; from wpkg.cli.main import run; code = run(sys.argv[1:]);"
        "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')]); sys.exit(code)"
    )
    words = ["compose", "root.wasm", "--with", "dep.wasm", "-o", "out.wasm"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "out.wasm").stat().st_size > BALLAST << 20
    peak = re.search(rb"VmHWM:\\t *([0-9]+) kB", done.stdout)
    assert peak is not None
    assert int(peak[1]) < 80 << 10  # KiB: the interpreter and everything it has loaded
