"""Documents on the command line: composed, drawn, written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components import from_wit
from wpkg.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = """package shop:app;

let n = new shop:name {};
let greeter = new shop:greeter { name: n.name };
export greeter...;
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deps" / "shop").mkdir(parents=True)
    greeter = from_wit("import name: func() -> string; export greet: func() -> string;")
    (tmp_path / "deps" / "shop" / "greeter.wasm").write_bytes(greeter)
    (tmp_path / "deps" / "shop" / "name.wasm").write_bytes(from_wit("export name: func() -> string;"))
    (tmp_path / "app.wac").write_text(DOCUMENT)
    return tmp_path


def typed(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capture.readouterr()
    code = run(arguments)
    captured = capture.readouterr()
    return code, captured.out, captured.err


def test_compose_takes_a_document(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    parts = ["deps/shop/greeter.wasm", "--with", "deps/shop/name.wasm"]
    assert typed(capfd, "compose", *parts, "-o", "inferred.wasm")[0] == 0
    code, out, err = typed(capfd, "compose", "app.wac", "-o", "out.wasm", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["path"] == "out.wasm"
    assert (folder / "out.wasm").read_bytes() == (folder / "inferred.wasm").read_bytes()
    (folder / "deps").rename(folder / "elsewhere")
    assert typed(capfd, "compose", "app.wac", "-o", "out.wasm")[0] == 2
    assert typed(capfd, "compose", "app.wac", "-o", "out.wasm", "--deps-dir", "elsewhere")[0] == 0
    named = [f"--dep=shop:{name}=elsewhere/shop/{name}.wasm" for name in ("greeter", "name")]
    assert typed(capfd, "compose", "app.wac", "-o", "out.wasm", *named)[0] == 0


def test_the_plan_of_a_document(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capfd, "compose", "app.wac", "--plan")
    assert code == 0
    assert out.splitlines() == [
        "COMPONENT     IMPORT  SATISFIED BY  WHY",
        "shop:greeter  name    n             chosen",
        "",
        "root: shop:greeter",
        "exports: greet",
    ]
    (folder / "app.wac").write_text(
        "package shop:app;\nimport i: interface { name: func() -> string; };\n"
        'let g = new shop:greeter { name: i.name };\nexport g.greet as hello;\nexport i as "inner";\n'
    )
    code, out, _ = typed(capfd, "compose", "app.wac", "--plan", "--json")
    plan = json.loads(out)
    assert plan["imports"] == [
        {"component": "g", "import": "name", "satisfied-by": "i", "export": "name", "reason": "chosen"}
    ]
    assert plan["host-imports"] == [{"name": "i", "for": []}]
    assert plan["exports"] == [
        {"name": "hello", "of": "g", "re-export": False, "item": ["greet"]},
        {"name": "inner", "of": "i", "re-export": False, "item": [], "of-import": True},
    ]
    for form in ("svg", "mermaid", "dot", "json"):
        assert typed(capfd, "graph", "app.wac", "--format", form)[0] == 0


def test_the_plan_of_a_document_that_defines_types(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    typing = from_wit("record r { a: u8 } import f: func(); export run: func(x: r);")
    (folder / "deps" / "shop" / "typed.wasm").write_bytes(typing)
    (folder / "app.wac").write_text(
        "package shop:app;\nrecord r { a: u8 }\ninterface i { f: func(); }\n"
        "let t = new shop:typed { r, ... };\nexport t.run;\nexport i as j;\n"
    )
    code, out, _ = typed(capfd, "compose", "app.wac", "--plan")
    assert code == 0
    assert out.splitlines() == [
        "COMPONENT  IMPORT  SATISFIED BY  WHY",
        "t          r       r             type that the document defines",
        "t          f       the host      left to the host by choice",
        "",
        "root: t",
        "exports: r, j, run",
    ]
    plan = json.loads(typed(capfd, "compose", "app.wac", "--plan", "--json")[1])
    assert plan["imports"][0] == {
        "component": "t",
        "import": "r",
        "satisfied-by": "r",
        "export": None,
        "reason": "type that the document defines",
    }
    assert plan["exports"] == [
        {"name": "r", "of": "r", "re-export": False, "item": [], "defined": True},
        {"name": "j", "of": "i", "re-export": False, "item": [], "defined": True},
        {"name": "run", "of": "t", "re-export": False},
    ]
    for form in ("svg", "mermaid", "dot", "json"):
        assert typed(capfd, "graph", "app.wac", "--format", form)[0] == 0
    assert typed(capfd, "compose", "app.wac", "-o", "out.wasm")[0] == 0
    out = typed(capfd, "inspect", "out.wasm")[1]
    assert "export 'r' is a type, which a world cannot have" in out
    assert "export 'j' is the definition of interface 'shop:app/i', which a world cannot have" in out


def test_what_is_composed_is_written_as_a_document(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    parts = ["deps/shop/greeter.wasm", "--with", "shop:name=deps/shop/name.wasm"]
    code, out, err = typed(capfd, "compose", *parts, "--emit", "wac")
    assert (code, err) == (0, "")
    assert out == (
        "// Composed again, to the same bytes, by: wpkg compose FILE -o OUT\n"
        "// --dep shop:name=deps/shop/name.wasm\n"
        "// --dep local:greeter=deps/shop/greeter.wasm\n"
        "package local:composition;\n\n"
        "let name = new shop:name {};\n"
        "let greeter = new local:greeter { name: name.name };\n"
        "export greeter...;\n"
    )
    assert typed(capfd, "graph", *parts, "--format", "wac")[1] == out
    assert typed(capfd, "graph", *parts, "-o", "made.wac")[0] == 0
    assert (folder / "made.wac").read_text() == out
    assert typed(capfd, "compose", *parts, "--emit", "wac", "-o", "also.wac") == (0, "also.wac  wac\n", "")
    assert (folder / "also.wac").read_text() == out
    assert json.loads(typed(capfd, "compose", *parts, "--emit", "wac", "--json")[1])["text"] == out
    assert typed(capfd, "compose", "app.wac", "--emit", "wac")[1] == DOCUMENT


def test_a_fault_is_shown_where_it_is(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "app.wac").write_text(DOCUMENT.replace("name: n.name", "name: n.nane") + "let x = greter;\n")
    code, out, err = typed(capfd, "compose", "app.wac", "-o", "out.wasm")
    assert (code, out) == (2, "")
    assert err == (
        "error: app.wac has 2 errors\n"
        "hint: they are\n"
        "    app.wac:4:42: there is no export 'nane'\n"
        "        did you mean 'name'?\n"
        "        let greeter = new shop:greeter { name: n.nane };\n"
        "                                                 ^^^^\n"
        "    app.wac:6:9: there is no 'greter' here\n"
        "        did you mean 'greeter'?\n"
        "        let x = greter;\n"
        "                ^^^^^^\n"
    )
    code, out, _ = typed(capfd, "compose", "app.wac", "-o", "out.wasm", "--json")
    assert [(e["line"], e["column"]) for e in json.loads(out)["error"]["errors"]] == [(4, 42), (6, 9)]
    (folder / "app.wac").write_text(DOCUMENT.replace("n.name", "n"))
    code, _, err = typed(capfd, "compose", "app.wac", "-o", "out.wasm")
    assert code == 4
    assert err.startswith("error: app.wac:4:34: this does not fit import 'name' of 'shop:greeter'")
    assert not (folder / "out.wasm").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["compose", "app.wac", "--with", "x.wasm", "-o", "o"],
            "a WAC document says all of what --with and --use say",
        ),
        (["compose", "a.wasm", "--dep", "a:b=x.wasm", "-o", "o"], "--dep is for the packages of a WAC document"),
        (["compose", "app.wac"], "say where the result goes"),
        (["graph", "--dep", "a:b=x.wasm"], "say which component is the root"),
        (["compose", "absent.wac", "-o", "o"], "absent.wac"),
    ],
)
def test_wrong_usage(folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    code, _, err = typed(capfd, *arguments)
    assert code == 2
    assert said in err


def test_a_document_without_an_instance(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "app.wac").write_text("package shop:app;\nimport f: func();\nexport f as g;\n")
    assert typed(capfd, "compose", "app.wac", "-o", "out.wasm")[0] == 0
    assert typed(capfd, "compose", "app.wac", "--plan")[0] == 0
    code, _, err = typed(capfd, "graph", "app.wac")
    assert code == 2
    assert "nothing to draw" in err
