"""What a WAC document has composed, composed again from the document that the provenance holds."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import from_wit
from tests.wit import binary_package
from tests.workflow.conftest import TRUST, Company
from tests.workflow.test_recompose import NEEDS, PACKAGE, attest_instead, definition, dependency, keys, recomposed
from wpkg.trust.provenance import MAX_RECORDED_SIZE
from wpkg.workflow.build import build
from wpkg.workflow.push import push
from wpkg.workflow.recompose import CannotRecompose, RecomposedDifferently
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENT = """package pay:app;
let judge = new pay:validator { ... };
let harness = new pay:harness { "pay:platform/validation@0.1.0": judge["pay:platform/validation@0.1.0"], ... };
export harness...;
"""
STATED = """package pay:app;
import streams: sys:io/streams@0.2.0;
let judge = new pay:validator { "sys:io/streams@0.2.0": streams };
let harness = new pay:harness {
  "pay:platform/validation@0.1.0": judge["pay:platform/validation@0.1.0"], "sys:io/streams@0.2.0": streams,
};
export harness...;
"""
STREAMS = "interface streams { resource output; write: func(s: borrow<output>, b: list<u8>); }"
RULES = '[composition]\ndocument = "app.wac"\n'


def published(company: Company, document: str, wit: dict[str, str | bytes] | None = None) -> Path:
    """The validator with what a document makes of it, published by the bank."""
    if "pay:harness" not in str(company.registry.tags):
        company.publish("harness")
    root = company.project("validator", extra=TRUST + NEEDS + RULES)
    (root / "app.wac").write_text(document)
    for name, text in (wit or {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    return root


def test_the_same_by_somebody_who_has_no_document(company: Company) -> None:
    root = published(company, DOCUMENT)
    (root / "app.wac").unlink()
    found = recomposed(company, root)
    assert found.recomposed
    assert sorted(item.name for item in found.inputs) == ["pay:harness@0.1.0", "pay:validator@0.1.0"]


@pytest.mark.parametrize("form", ["one file", "a folder of two", "binary"])
def test_the_same_with_the_wit_that_it_names(company: Company, form: str) -> None:
    wit: dict[str, str | bytes] = {
        "one file": {"deps/sys/io/0.2.0.wit": f"package sys:io@0.2.0;\n{STREAMS}"},
        "a folder of two": {
            "deps/sys/io/0.2.0/a.wit": "package sys:io@0.2.0;",
            "deps/sys/io/0.2.0/b.wit": STREAMS,
        },
        "binary": {"wit/deps/io.wasm": binary_package(f"package sys:io@0.2.0; {STREAMS}")},
    }[form]  # type: ignore[assignment]
    root = published(company, STATED, wit)
    for name in wit:
        (root / name).unlink()
    assert recomposed(company, root).recomposed


def test_instances_by_names_of_their_own(company: Company) -> None:
    """Several of one package; the provenance says which package each is."""
    company.sources["store"] = from_wit("export get: func() -> u32;")
    company.sources["validator"] = from_wit(
        "import a: interface { get: func() -> u32; } import b: interface { get: func() -> u32; } export run: func();"
    )
    company.publish("store")
    (company.folder / "projects").mkdir(exist_ok=True)
    needs = '[dependencies]\n"pay:store" = "^0.1"\n'
    root = company.project("validator", extra=TRUST + needs + RULES)
    (root / "app.wac").write_text(
        "package pay:app;\nlet first = new pay:store {};\nlet second = new pay:store {};\n"
        "let all = new pay:validator { a: first, b: second };\nexport all...;\n"
    )
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    found = recomposed(company, root)
    assert found.recomposed
    assert [item.name for item in found.inputs] == ["pay:validator@0.1.0", "pay:store@0.1.0", "pay:store@0.1.0"]
    below = verify(company.world("v"), root, PACKAGE, keys(company), inputs=True).verified_inputs
    assert {str(item.verification and item.verification.state) for item in below} == {"verified", "None"}


def test_instances_of_a_project_file_by_names_of_their_own(company: Company) -> None:
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
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    assert recomposed(company, root).recomposed
    below = verify(company.world("v"), root, PACKAGE, keys(company), inputs=True).verified_inputs
    assert sum(item.verification is not None for item in below) == 2


def hold(predicate: dict[str, Any], text: str) -> None:
    entry = dependency(predicate, "app.wac")
    entry["content"] = base64.b64encode(text.encode()).decode()
    entry["digest"] = {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_another_document_is_noticed(company: Company) -> None:
    root = published(company, DOCUMENT)
    attest_instead(company, root, lambda p: hold(p, DOCUMENT.replace("harness...", "harness.run as walk")))
    with pytest.raises(RecomposedDifferently, match="is not what its provenance describes"):
        recomposed(company, root)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda p: dependency(p, "app.wac").pop("content"),
            "decided how, 'app.wac', which is not in its provenance",
        ),
        (lambda p: dependency(p, "app.wac").update(content="!"), "'app.wac' in what is not base64"),
        (
            lambda p: dependency(p, "app.wac").update(content="AAAA"),
            "'app.wac' with the digest of something else",
        ),
        (lambda p: hold(p, "package pay:app;\nexport nobody...;\n"), "app.wac:2:8"),
        (lambda p: hold(p, DOCUMENT.replace("judge", "other")), "names no component for the instance 'other'"),
        (lambda p: dependency(p, "app.wac").update(name="b.wac"), "'app.wac', which is not in its provenance"),
        (lambda p: definition(p)["externalParameters"].update(script=1), "composed in the way 'wac'"),
        (lambda p: definition(p)["externalParameters"].pop("script"), "composed in the way 'wac'"),
        (lambda p: definition(p)["externalParameters"].update(strategy="inferred"), "in the way 'inferred'"),
        (
            lambda p: definition(p)["internalParameters"]["decisions"].pop("byDocument"),
            "its provenance does not say which",
        ),
        (
            lambda p: definition(p)["internalParameters"]["decisions"].pop("instances"),
            "names no component for the instance 'judge'",
        ),
        (
            lambda p: definition(p)["internalParameters"]["decisions"]["instances"].update(judge="nobody"),
            "names no component for the instance 'judge'",
        ),
    ],
)
def test_it_cannot_be_done(company: Company, change: Callable[[dict[str, Any]], object], why: str) -> None:
    root = published(company, DOCUMENT)
    attest_instead(company, root, change)
    with pytest.raises(CannotRecompose, match=why) as caught:
        recomposed(company, root)
    assert caught.value.exit_code == 5


def test_a_document_that_no_bundle_could_hold_is_there_by_its_digest(company: Company) -> None:
    root = published(company, f"// {'x' * MAX_RECORDED_SIZE}\n{DOCUMENT}")
    with pytest.raises(CannotRecompose, match="decided how, 'app.wac', which is not in its provenance"):
        recomposed(company, root)


def test_nothing_of_where_the_project_lies_is_recorded(company: Company) -> None:
    root = published(company, STATED, {"deps/sys/io/0.2.0.wit": f"package sys:io@0.2.0;\n{STREAMS}"})
    verified = verify(company.world("v"), root, PACKAGE, keys(company)).verification
    said = str(verified.attestations["https://slsa.dev/provenance/v1"][0].statement.predicate)
    assert str(company.folder) not in said
    assert "'name': 'sys:io@0.2.0/0.2.0.wit'" in said
