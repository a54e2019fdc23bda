"""Documents of projects and of command lines: where their packages come from, and the same bytes as without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.components import from_wit, wasm_tools, world
from tests.fakes.world import offline
from tests.shared import vectors
from tests.vectors.test_compose import Case, cases
from tests.wit import binary_package
from tests.workflow.conftest import IO, PLATFORM, TRUST, component
from tests.workflow.test_wit_packages import publish_wit
from wpkg.errors import InvalidInput, LockOutOfDate, NotTrusted, WpkgError
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.workflow.accepted import published_file
from wpkg.workflow.build import build
from wpkg.workflow.compose_document import Surroundings, document_command, emit_files, emit_project
from wpkg.workflow.compose_files import ComposeFiles, compose_files
from wpkg.workflow.deployment import make_manifest
from wpkg.workflow.document import MissingComponent
from wpkg.workflow.push import push
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.workflow.conftest import Company

DEPENDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'
DOCUMENT = """package pay:app;
let validator = new pay:validator { ... };
let harness = new pay:harness { validation: validator.validation, ... };
export harness...;
"""


def around(company: Company, root: Path, given: Sequence[str] = (), *, locked: bool = False) -> Surroundings:
    return Surroundings(
        given=given,
        folder=root / "deps",
        root=root,
        world=company.world,
        locked=lambda: locked,
        published=lambda text: published_file(company.world(), root, text),
    )


def composed(company: Company, root: Path, text: str, given: Sequence[str] = ()) -> bytes:
    """What `wpkg compose app.wac` writes; the document is put into `root`."""
    (root / "app.wac").write_text(text)
    command = document_command(root / "app.wac", around(company, root, given))
    compose_files(company.world().reporter, command, root / "out.wasm")
    data = (root / "out.wasm").read_bytes()
    wasm_tools("validate", "--features", "all", data=data)
    return data


def prepared(company: Company, extra: str = DEPENDS) -> Path:
    company.publish("harness")
    return company.project("validator", extra=extra)


def built(company: Company, root: Path) -> bytes:
    made = build(company.world(), root, compose=True)
    assert made.composed is not None
    return made.composed.path.read_bytes()


# --- projects --------------------------------------------------------------------------------------


def test_a_project_emitted_composes_to_the_same_bytes_by_hand_and_as_its_document(company: Company) -> None:
    root = prepared(company)
    inferred = built(company, root)
    text = emit_project(company.world(), root)
    assert text == (
        "package local:composition;\n\n"
        "let validator = new pay:validator { ... };\n"
        "let harness = new pay:harness {\n"
        '  "pay:platform/validation@0.1.0": validator["pay:platform/validation@0.1.0"],\n'
        "  ...\n"
        "};\n"
        "export harness...;\n"
    )
    assert composed(company, root, text) == inferred
    project = root / "wasmcloud.toml"
    project.write_text(project.read_text() + '[composition]\ndocument = "app.wac"\n')
    assert built(company, root) == inferred
    assert emit_project(company.world(), root) == text


def test_instances_of_a_project_keep_their_names(company: Company) -> None:
    company.sources["store"] = from_wit("export get: func() -> u32;")
    company.sources["validator"] = from_wit(
        "import a: interface { get: func() -> u32; } import b: interface { get: func() -> u32; } export run: func();"
    )
    company.publish("store")
    extra = (
        TRUST + '[dependencies]\n"pay:store" = "^0.1"\n[composition]\nroot = "pay:validator"\ncomponents = []\n'
        '[composition.instances]\nfirst = "pay:store"\nsecond = "pay:store"\n'
        '[composition.imports]\na = "first"\nb = "second"\n'
    )
    root = company.project("validator", extra=extra)
    inferred = built(company, root)
    text = emit_project(company.world(), root)
    assert "let first = new pay:store {};" in text
    assert "let second = new pay:store {};" in text
    assert composed(company, root, text) == inferred


def test_provenance_has_the_document_and_the_packages_of_its_instances(company: Company) -> None:
    root = prepared(company, DEPENDS + '[composition]\ndocument = "app.wac"\n')
    (root / "app.wac").write_text(DOCUMENT)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    keys = [company.key_file(company.bank_key, "bank.pub")]
    found = verify(company.world("c"), root, "pay:validator@0.1.0", keys).verification.attestations
    used = found[SLSA_PROVENANCE][0].statement.predicate["buildDefinition"]["resolvedDependencies"]
    named = {each.get("name", each.get("uri")) for each in used}
    assert {"app.wac", "pay:harness@0.1.0", "pay:validator@0.1.0"} <= named


def test_a_changed_document_is_composed_anew(company: Company) -> None:
    root = prepared(company, DEPENDS + '[composition]\ndocument = "app.wac"\n')
    (root / "app.wac").write_text(DOCUMENT)
    first = built(company, root)
    assert world(first)[-1] == "export run: func(message: string)"
    assert not build(company.world(), root, compose=True).plan
    (root / "app.wac").write_text(DOCUMENT.replace("harness...", "harness.run as walk"))
    assert world(built(company, root))[-1] == "export walk: func(message: string)"


def test_a_document_stands_alone(company: Company) -> None:
    for line in ('root = "pay:harness"', "components = []", '[composition.imports]\na = "host"'):
        root = prepared(company, DEPENDS + f'[composition]\ndocument = "app.wac"\n{line}\n')
        (root / "app.wac").write_text(DOCUMENT)
        with pytest.raises(InvalidInput, match="it cannot stand beside document"):
            build(company.world(), root, compose=True)
        company.folder = company.folder / "again"


def test_a_project_s_document_uses_the_project_s_component(company: Company) -> None:
    root = prepared(company, DEPENDS + '[composition]\ndocument = "app.wac"\n')
    (root / "app.wac").write_text("package pay:app;\nlet h = new pay:harness { ... };\nexport h...;\n")
    with pytest.raises(InvalidInput, match="makes no instance of the component that the project builds") as caught:
        build(company.world(), root, compose=True)
    assert caught.value.hint == "write 'new pay:validator { … }' in it"


CAPABLE = DEPENDS + '[composition]\ndocument = "app.wac"\n[capabilities]\nallow = ["sys:io/*"]\n'


def test_a_document_asks_for_no_more_than_is_allowed(company: Company) -> None:
    root = prepared(company, CAPABLE)
    (root / "app.wac").write_text(DOCUMENT)
    assert world(built(company, root))[0] == "import sys:io/streams@0.2.0"
    file = root / "wasmcloud.toml"
    allowed = file.read_text()
    for rule, who in (
        ("[capabilities]\nallow = []\n", "pay:harness"),
        ('[capabilities]\nallow = ["sys:io/*"]\n[capabilities."pay:validator"]\nallow = []\n', "pay:validator"),
        ('[capabilities]\nallow = ["sys:io/*"]\n[capabilities."pay:harness"]\nallow = []\n', "pay:harness"),
    ):
        file.write_text(allowed.replace('[capabilities]\nallow = ["sys:io/*"]\n', rule))
        with pytest.raises(NotTrusted, match=f"'{who}' asks the host for 'sys:io/streams@0.2.0'"):
            build(company.world(), root, compose=True)


@pytest.mark.parametrize("last", ["export io.write as do;", 'export harness.run;\nexport io as "again";'])
def test_another_name_in_a_document_is_no_way_around_the_rules(company: Company, last: str) -> None:
    root = prepared(company, CAPABLE.replace('["sys:io/*"]', '["sys:io/streams", "plain"]'))
    (root / "deps" / "sys").mkdir(parents=True)
    secret = "package sys:secret; interface keys { use-it: func(); }"
    (root / "deps" / "sys" / "secret.wit").write_text(secret)
    text = DOCUMENT.replace("let validator", "import io as plain: sys:secret/keys;\nlet validator")
    (root / "app.wac").write_text(text.replace("export harness...;", last.replace("io.write", "io.use-it")))
    with pytest.raises(NotTrusted, match="asks the host for 'sys:secret/keys'"):
        build(company.world(), root, compose=True)


def test_part_of_an_import_is_asked_for_as_the_whole(company: Company) -> None:
    company.sources["validator"] = from_wit("import plain: func(); export run: func();")
    root = company.project(
        "validator", extra='[composition]\ndocument = "app.wac"\n[capabilities]\nallow = ["plain"]\n'
    )
    (root / "deps" / "sys").mkdir(parents=True)
    (root / "deps" / "sys" / "secret.wit").write_text("package sys:secret; interface keys { use-it: func(); }")
    (root / "app.wac").write_text(
        "package pay:app;\nimport keys: sys:secret/keys;\nlet v = new pay:validator { plain: keys.use-it };\nlet last = new pay:validator { plain: v.run };\nexport last.run;\n"
    )
    with pytest.raises(NotTrusted, match="'v' asks the host for 'sys:secret/keys'"):
        build(company.world(), root, compose=True)


def test_an_import_that_only_the_document_states_is_deployed(company: Company) -> None:
    company.sources["validator"] = from_wit("import plain: func(); export run: func();")
    root = company.project("validator", extra='[composition]\ndocument = "app.wac"\n')
    (root / "deps" / "wasi" / "keyvalue").mkdir(parents=True)
    (root / "deps" / "wasi" / "keyvalue" / "0.2.0-draft.wit").write_text(
        "package wasi:keyvalue@0.2.0-draft; interface store { go: func(); }"
    )
    (root / "app.wac").write_text(
        "package pay:app;\nimport kv: wasi:keyvalue/store@0.2.0-draft;\n"
        "let v = new pay:validator { plain: kv.go };\nexport v.run;\n"
    )
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    document = make_manifest(company.world(), root, "workload").document
    assert "keyvalue" in str(document["spec"]["template"]["spec"]["hostInterfaces"])


def test_components_in_the_place_of_imports_are_not_made_beside_a_document(company: Company) -> None:
    root = prepared(company, CAPABLE + 'denied = "trap"\n')
    (root / "app.wac").write_text(DOCUMENT)
    with pytest.raises(InvalidInput, match="cannot be decided beside a document"):
        build(company.world(), root, compose=True)


def test_what_a_document_takes_from_a_project_is_locked_and_verified(company: Company) -> None:
    company.publish("harness", key=company.stranger_key)
    root = company.project("validator", extra=DEPENDS)
    build(company.world(), root, compose=False)
    with pytest.raises(NotTrusted):
        composed(company, root, DOCUMENT)
    company.folder = company.folder / "trusted"
    company.registry = type(company.registry)()
    root = prepared(company)
    build(company.world(), root, compose=False)
    (root / "app.wac").write_text(DOCUMENT)
    with pytest.raises(LockOutOfDate):
        document_command(root / "app.wac", around(company, root, locked=True))
    first = composed(company, root, DOCUMENT)
    build(company.world(), root, compose=True)  # writes the lock
    without_network = replace(around(company, root), world=lambda: offline(company.world()))
    command = document_command(root / "app.wac", without_network)
    compose_files(company.notes, command, root / "again.wasm")
    assert (root / "again.wasm").read_bytes() == first


def test_a_version_that_is_not_locked_comes_from_the_registry(company: Company) -> None:
    root = prepared(company, TRUST)
    build(company.world(), root, compose=False)
    assert world(composed(company, root, DOCUMENT.replace("pay:harness", "pay:harness@0.1.0")))[-1].startswith(
        "export run"
    )
    with pytest.raises(InvalidInput, match="app.wac:3:19: pay:harness is not in wpkg.lock"):
        composed(company, root, DOCUMENT)


def test_wit_packages_of_a_project(company: Company) -> None:
    publish_wit(company, "platform", "0.1.0", PLATFORM)
    root = company.project(
        "validator", extra='[dependencies]\n"pay:platform" = { version = "0.1", kind = "wit" }\n'
    )
    build(company.world(), root, compose=False)
    text = """package pay:app targets pay:app-world/app;
    import validation: pay:platform/validation@0.1.0;
    export validation.validate as "check";
    """
    (root / "wit").mkdir(exist_ok=True)
    (root / "wit" / "world.wit").write_text(
        "package pay:app-world;\nworld app { import pay:platform/validation@0.1.0; use pay:platform/validation@0.1.0.{transaction}; export check: func(t: transaction) -> bool; }"
    )
    assert world(composed(company, root, text)) == [
        "import pay:platform/validation@0.1.0",
        "export check: func(t: transaction) -> bool",
    ]


# --- folders and options ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "plain"
    (root / "deps" / "pay" / "harness").mkdir(parents=True)
    (root / "deps" / "pay" / "validator.wasm").write_bytes(component("export pay:platform/validation@0.1.0;"))
    harness = "import pay:platform/validation@0.1.0; export run: func(message: string);"
    (root / "deps" / "pay" / "harness.wasm").write_bytes(component(harness))
    (root / "deps" / "pay" / "harness" / "2.0.0.wasm").write_bytes(component(harness.replace("run", "run2")))
    return root


PLAIN = DOCUMENT.replace("{ ... }", "{}").replace(", ... }", " }")


def test_a_folder_as_wac_has_it(company: Company, folder: Path) -> None:
    assert world(composed(company, folder, PLAIN)) == ["export run: func(message: string)"]
    second = PLAIN.replace("pay:harness", "pay:harness@2.0.0")
    assert world(composed(company, folder, second)) == ["export run2: func(message: string)"]


def test_an_option_comes_before_the_folder(company: Company, folder: Path) -> None:
    other = folder / "other.wasm"
    other.write_bytes(component("import pay:platform/validation@0.1.0; export other: func();"))
    assert world(composed(company, folder, PLAIN, [f"pay:harness={other}"])) == ["export other: func()"]
    for wrong, said in (("pay=x", "not of the form"), ("pay:harness=", "not of the form")):
        with pytest.raises(InvalidInput, match=said):
            composed(company, folder, PLAIN, [wrong])
    with pytest.raises(InvalidInput, match="'a:b' is given twice"):
        composed(company, folder, PLAIN, ["a:b=x", "a:b=y"])


@pytest.mark.parametrize("form", ["folder", "file", "binary"])
def test_wit_packages_of_a_folder(company: Company, folder: Path, form: str) -> None:
    base = folder / "deps" / "pay" / "platform"
    base.mkdir()
    if form == "folder":
        (base / "0.1.0").mkdir()
        (base / "0.1.0" / "any.wit").write_text(PLATFORM)
    elif form == "file":
        (base / "0.1.0.wit").write_text(PLATFORM)
    else:
        (base / "0.1.0.wasm").write_bytes(binary_package(PLATFORM))
    text = """package pay:app;
    import validation: pay:platform/validation@0.1.0;
    let h = new pay:harness { validation };
    export h.run;
    """
    assert world(composed(company, folder, text)) == [
        "import pay:platform/validation@0.1.0",
        "export run: func(message: string)",
    ]


def test_wit_packages_that_wit_packages_need(company: Company, folder: Path) -> None:
    for name, text in (
        ("sys/io/0.2.0", IO),
        (
            "pay/api/1.0.0",
            "package pay:api@1.0.0; interface run { use sys:io/streams@0.2.0.{output}; go: func(o: borrow<output>); }",
        ),
    ):
        file = folder / "deps" / f"{name}.wit"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    text = "package pay:app;\nimport run: pay:api/run@1.0.0;\nexport run.go;\n"
    assert world(composed(company, folder, text)) == [
        "import sys:io/streams@0.2.0",
        "import pay:api/run@1.0.0",
        "export go: func(o: borrow<output>)",
    ]
    (folder / "deps" / "sys" / "io" / "0.2.0.wit").unlink()
    with pytest.raises(InvalidInput, match="package 'sys:io@0.2.0' is not there"):
        composed(company, folder, text)


def test_what_is_no_component(company: Company, folder: Path) -> None:
    (folder / "deps" / "pay" / "wit.wit").write_text("package pay:wit;")
    (folder / "deps" / "pay" / "text.wat").write_text("(component)")
    (folder / "deps" / "pay" / "module.wasm").write_bytes(bytes.fromhex("0061736d01000000"))
    for package, said in (
        ("wit", "app.wac:2:13: .*wit.wit is a WIT package, and an instance is made of a component"),
        ("text", "app.wac:2:13: .*text.wat is text"),
        ("module", "core module"),
        ("absent", "app.wac:2:13: there is no component 'pay:absent'"),
    ):
        with pytest.raises(WpkgError, match=said):
            composed(company, folder, f"package pay:app;\nlet a = new pay:{package} {{}};\n")
    with pytest.raises(MissingComponent) as caught:
        composed(company, folder, "package pay:app;\nlet a = new pay:vali {};\n", ["pay:valid=x.wasm"])
    assert caught.value.advice == "did you mean 'pay:valid'?"
    assert not (folder / "out.wasm").exists()


# --- what was inferred, as a document --------------------------------------------------------------


@pytest.mark.parametrize("name", cases("expected.wit.json"))
def test_a_command_line_as_a_document_composes_to_the_same_bytes(
    name: str, company: Company, tmp_path: Path
) -> None:
    command = Case.read(vectors("compose") / name).command()
    compose_files(company.world().reporter, command, tmp_path / "inferred.wasm")
    text = emit_files(command)
    given = [line.split("--dep ")[1] for line in text.splitlines() if "--dep " in line]
    assert composed(company, tmp_path, text, given) == (tmp_path / "inferred.wasm").read_bytes()


def test_a_document_emitted_is_laid_out(company: Company, folder: Path) -> None:
    (folder / "app.wac").write_text(PLAIN.replace("\n", "\n\n\n"))
    text = emit_files(document_command(folder / "app.wac", around(company, folder)))
    assert text == PLAIN.replace(";\n", ";\n\n").removesuffix("\n")


def test_files_of_one_name_are_told_apart(company: Company, tmp_path: Path) -> None:
    files = {
        "a/lib.wasm": "export f: func();",
        "b/lib.wasm": "export g: func();",
        "9 Root!.wasm": "import f: func(); import g: func(); export run: func();",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(from_wit(text))
    command = ComposeFiles.parse(
        str(tmp_path / "9 Root!.wasm"), [str(tmp_path / "a/lib.wasm"), str(tmp_path / "b/lib.wasm")]
    )
    compose_files(company.world().reporter, command, tmp_path / "inferred.wasm")
    text = emit_files(command)
    assert "let c9-root = new local:c9-root { f: lib.f, g: lib-n2.g };" in text
    given = [line.split("--dep ")[1] for line in text.splitlines() if "--dep " in line]
    assert composed(company, tmp_path, text, given) == (tmp_path / "inferred.wasm").read_bytes()
