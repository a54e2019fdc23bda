"""docs/commands.md and docs/json.md say what there is; every command on every page can be typed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli import command_page
from tests.components import from_text, from_wit
from wpkg.cli.main import run, wpkg

DOCS = command_page.PAGE.parent
JSON = (DOCS / "json.md").read_text()
SHAPES = dict(re.findall(r"^\| `(wpkg\.[a-z.-]+/1)` \| .*? \| (.*) \|$", JSON, re.MULTILINE))


def members(schema: str) -> tuple[list[str], list[str]]:
    """The members that a document always has, and those that it may have or have instead."""
    always, _, sometimes = SHAPES[schema].partition(";")
    return re.findall(r"`([a-z-]+)`", always), re.findall(r"`([a-z-]+)`", sometimes)


def test_the_commands_are_those_that_there_are() -> None:
    """Made anew by: python -m tests.cli.command_page > docs/commands.md."""
    assert command_page.PAGE.read_text() == command_page.page()


def test_each_command_has_a_page_that_says_more() -> None:
    for words, _ in command_page.commands():
        if " " not in words:
            assert f"wpkg {words}" in (DOCS / f"{command_page.PAGES[words]}.md").read_text(), words


def test_each_shape_of_json_is_described() -> None:
    sources = [path.read_text() for path in sorted(Path(run.__code__.co_filename).parent.glob("*.py"))]
    found = {name for text in sources for name in re.findall(r'result\(\s*"([a-z.-]+)"', text)}
    found |= {
        name
        for text in sources
        for name in re.findall(r'(?:show_changes|_show_pair)\(session, "([a-z.-]+)"', text)
    }
    assert {f"wpkg.{name}/1" for name in found} | {"wpkg.graph/1"} == set(SHAPES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WPKG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WPKG_KEY_PASSWORD", "correct-horse")
    wit = "package a:b; interface c { f: func(x: u32); }"
    Path("root.wasm").write_bytes(from_wit("import a:b/c; import g: func(); export run: func();", wit))
    Path("dep.wasm").write_bytes(from_wit("export a:b/c;", wit))
    Path("other.wasm").write_bytes(from_wit("export a:b/c;", wit.replace("u32", "u64")))
    Path("g.wasm").write_bytes(from_wit("import f: func(); export g: func();"))
    Path("f.wasm").write_bytes(from_wit("import g: func(); export f: func();"))
    Path("world.wit").write_text("package a:w; world w { export g: func(); import f: func(); }")
    Path("app.wac").write_text("package a:app;\nimport f: func();\nexport f as g;\n")
    return tmp_path


PAIR = ["root.wasm", "--with", "dep.wasm"]


def document(capture: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capture.readouterr()
    run([*arguments, "--json"])
    found: dict[str, Any] = json.loads(capture.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (["compose", *PAIR, "-o", "out.wasm"], "compose"),
        (["compose", *PAIR, "--share-modules", "-o", "out.wasm"], "compose"),
        (["compose", *PAIR, "--plan"], "plan"),
        (["compose", *PAIR, "--emit", "wac"], "wac"),
        (["compose", *PAIR, "--emit", "wac", "-o", "out.wac"], "wac-file"),
        (["graph", *PAIR], "graph"),
        (["graph", *PAIR, "-o", "out.svg"], "graph-file"),
        (["inspect", "root.wasm"], "inspect"),
        (["inspect", "root.wasm", "--tree"], "inspect"),
        (["targets", "g.wasm", "--wit", "world.wit"], "targets"),
        (["fmt", "app.wac"], "fmt"),
        (["completion", "bash"], "completion"),
        (["cache", "dir"], "cache.dir"),
        (["cache", "list"], "cache.list"),
        (["cache", "prune"], "cache.prune"),
        (["cache", "verify"], "cache.verify"),
        (["key", "generate"], "key.generate"),
        (["init", "a:b"], "init"),
    ],
)
def test_documents_have_the_members_that_the_page_says(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], schema: str
) -> None:
    assert folder.is_dir()
    found = document(capfd, *arguments)
    assert found.pop("schema") == f"wpkg.{schema}/1"
    always, sometimes = members(f"wpkg.{schema}/1")
    assert list(found)[: len(always)] == always
    assert set(found) - set(always) <= set(sometimes)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([*PAIR, "--with", "again=dep.wasm"], "ambiguous-import"),
        (["root.wasm", "--with", "other.wasm"], "type-mismatch"),
        ([*PAIR, "--with", "g.wasm", "--with", "f.wasm"], "dependency-cycle"),
        (["root.wasm", "--with", "f.wasm"], "nothing-connected"),
        ([*PAIR, "--no-imports"], "imports-left"),
        (["--nothing"], "usage"),
    ],
)
def test_errors_have_the_members_that_the_page_says(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: str
) -> None:
    found = document(capfd, "compose", *arguments, "-o", "out.wasm")
    assert found["schema"] == "wpkg.error/1"
    error = found["error"]
    assert error["code"] == code
    [said] = re.findall(rf"^\| .*?`{code}`.*? \| (.*) \|$", JSON, re.MULTILINE)
    always = ["code", "exit", "message"] if code == "usage" else ["code", "exit", "message", "context", "hint"]
    of_its_own = re.findall(r"`([a-z-]+)`", said.partition(":")[0]) if code != "usage" else []
    assert list(error) == [*always, *of_its_own]
    assert not (folder / "out.wasm").exists()


def test_the_path_to_a_difference_is_data(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is the example on the page."""
    assert folder.is_dir()
    found = document(capfd, "compose", "root.wasm", "--with", "other.wasm", "-o", "out.wasm")
    [example] = [
        json.loads(text) for text in re.findall(r"```json\n(.*?)```", JSON, re.DOTALL) if "error/1" in text
    ]
    assert example["error"] | {"message": ""} == found["error"] | {"message": "", "exporter": "dep.wasm"}
    circle = document(capfd, "compose", *PAIR, "--with", "g.wasm", "--with", "f.wasm", "-o", "out.wasm")
    assert circle["error"]["path"] == [
        {"component": "g.wasm", "import": "f", "exporter": "f.wasm"},
        {"component": "f.wasm", "import": "g", "exporter": "g.wasm"},
    ]


def typed_on(page: Path) -> list[str]:
    """The commands in the blocks of a page, without comments and what a shell does with them."""
    found = []
    for block in re.findall(r"^```[a-z]*[^\n]*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if match := re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ |printf '[^']*' \| )*(wpkg [a-z].*)", line.strip()):
                words = re.split(r"  +#| [<>|&;] ?| (?=\\?\$\()", match[1])[0]
                found.append(words.strip())
    return found


PAGES = [page for page in [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"] if page != command_page.PAGE]


def test_every_command_on_every_page_can_be_typed() -> None:
    """Its options are there and have arguments that fit; whether it works is for the tests of each page."""
    count = 0
    for page in PAGES:
        for line in typed_on(page):
            if "…" in line:
                continue
            _, *words = shlex.split(line)
            context = click.Context(wpkg, info_name="wpkg")
            command: click.Command = wpkg
            while isinstance(command, click.Group):
                name, found, words = command.resolve_command(context, words)
                assert found is not None, f"{page.name}: {line}"
                context, command = click.Context(found, info_name=name, parent=context), found
            try:
                with command.make_context(command.name, words):
                    count += 1
            except click.UsageError as error:
                pytest.fail(f"{page.name}: {line}: {error.format_message()}")
    assert count > 60


PLATFORM = "package acme:log@1.0.0; interface log { entry: func(text: string); }"
PROJECT = """name = "app"
version = "1.0.0"
type = "component"
[component]
build_artifact = "root.wasm"
[dependencies]
"acme:dep" = { path = "dep.wasm" }
"""
DOCUMENT = (
    "package shop:app;\nlet n = new shop:name {};\nlet g = new shop:greeter { name: n.name };\nexport g...;\n"
)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the pages speak of: components, a project, a document, WIT."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WPKG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("CI", raising=False)
    for folder in ("build", "deps/shop", "wit", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    asks = from_wit("import acme:log/log@1.0.0; export run: func();", PLATFORM)
    offers = from_wit("export acme:log/log@1.0.0;", PLATFORM)
    greeter = from_wit("import name: func() -> string; export greet: func() -> string;")
    name = from_wit("export name: func() -> string;")
    odd = from_text('(component (import "m" (core module)))')
    files = {"harness": asks, "root": asks, "app": asks, "validator": offers, "dep": offers, "odd": odd}
    files |= {"build/name": name, "deps/shop/name": name, "deps/shop/greeter": greeter}
    for stem, data in files.items():
        Path(f"{stem}.wasm").write_bytes(data)
    assert run(["compose", "root.wasm", "--with", "dep.wasm", "-o", "usd_validator.composed.wasm"]) == 0
    Path("wasmcloud.toml").write_text(PROJECT)
    Path("app.wac").write_text(DOCUMENT)
    Path("wit/app.wit").write_text(
        "package acme:app; world plugin { import acme:log/log@1.0.0; export run: func(); }"
    )
    (Path("wit") / "deps").mkdir()
    Path("wit/deps/log.wit").write_text(PLATFORM)
    assert run(["lock"]) == 0
    return tmp_path


OFFLINE = ["cache", "composition", "graph", "inspect", "targets", "wac"]


@pytest.mark.parametrize("page", OFFLINE)
def test_every_command_that_needs_no_registry_works(
    workplace: Path, capfd: pytest.CaptureFixture[str], page: str
) -> None:
    count = 0
    for line in typed_on(DOCS / f"{page}.md"):
        if "…" in line or re.search(r"ghcr\.io|[a-z]:[a-z-]+@[0-9]", line) or line.startswith("wpkg completion"):
            continue
        code = run([*shlex.split(line)[1:], "--offline"])
        captured = capfd.readouterr()
        assert code == 0, f"{line}: {captured.err}"
        count += 1
    assert count, workplace
