"""Composing a published component again from nothing but its provenance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.workflow.conftest import TRUST, VALIDATOR, Company, component
from wpkg import __version__
from wpkg.component.sections import leb, section
from wpkg.errors import NotTrusted
from wpkg.names.choice import Choice
from wpkg.oci.reference import Reference
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.router import Router
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.trust.verification import NotSigned
from wpkg.workflow.build import build
from wpkg.workflow.copy import copy
from wpkg.workflow.lock import lock
from wpkg.workflow.push import push
from wpkg.workflow.recompose import CannotRecompose, RecomposedDifferently
from wpkg.workflow.sign import attest
from wpkg.workflow.verify import Verified, verify
from wpkg.workflow.verify_inputs import InputNotTrusted
from wpkg.workflow.wiring import Decisions, UnknownDecision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEEDS = '[dependencies]\n"pay:harness" = "^0.1"\n'
PACKAGE = "pay:validator@0.1.0"


def published(company: Company, extra: str = "") -> Path:
    """The composed validator, published by the bank."""
    if "pay:harness" not in str(company.registry.tags):
        company.publish("harness")
    root = company.project("validator", extra=TRUST + NEEDS + extra)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    return root


def keys(company: Company) -> list[Path]:
    return [company.key_file(company.bank_key, "b.pub"), company.key_file(company.platform_key, "p.pub")]


def recomposed(company: Company, root: Path, text: str = PACKAGE, user: str = "verifier") -> Verified:
    """By a user who has nothing of it."""
    return verify(company.world(user), root, text, keys(company), recompose=True)


def test_the_same(company: Company) -> None:
    root = published(company)
    found = recomposed(company, root)
    assert found.recomposed
    assert found.release.component.digest == company_digest(root)


CHAIN = """
[composition]
root = "pay:harness"
{more}
[composition.imports]
"pay:harness / pay:platform/validation@0.1.0" = "pay:second"
"pay:second / pay:platform/validation@0.1.0" = "pay:third"
"pay:third / pay:platform/validation@0.1.0" = "pay:validator"
"""


def test_the_same_where_much_was_decided(company: Company) -> None:
    """Without the choices it is ambiguous who validates; sharing modules gives other bytes."""
    between = component(VALIDATOR + " import pay:platform/validation@0.1.0;")
    company.sources |= {"second": between, "third": between + section(0, leb(1) + b"x")}
    for name in ("second", "third"):
        company.publish(name)
    needs = '"pay:second" = "^0.1"\n"pay:third" = "^0.1"\n'
    digests = []
    for more in ("", "share-modules = true"):
        root = published(company, needs + CHAIN.format(more=more))
        found = recomposed(company, root)
        assert found.recomposed
        digests.append(found.release.component.digest)
        for key in [key for key in company.registry.tags if key[0] == company.repository("validator")]:
            del company.registry.tags[key]
    assert digests[0] != digests[1]


def test_the_same_where_imports_were_denied_and_answered(company: Company) -> None:
    """What was generated is in no registry, and made again from what provenance says it was generated for."""
    root = published(company, '[capabilities."pay:harness"]\ndeny = ["sys:io/*"]\ndenied = "trap"\n')
    found = recomposed(company, root)
    assert [item.role for item in found.inputs].count("generated") == 1
    assert found.recomposed


def company_digest(root: Path) -> Any:
    from wpkg.oci.digest import Digest

    return Digest.of((root / "build" / "validator.composed.wasm").read_bytes())


def test_it_is_not_composed_unless_that_is_asked_for(company: Company) -> None:
    root = published(company)
    assert not verify(company.world("verifier"), root, PACKAGE, keys(company)).recomposed


def test_by_reference_by_digest_and_as_the_lock_has_it(company: Company, tmp_path: Path) -> None:
    root = published(company)
    reference = recomposed(company, root, f"{company.repository('validator')}:0.1.0").release.reference
    assert recomposed(company, root, f"{reference.repository}@{reference.digest}").recomposed
    user = company.project("shop", extra='[dependencies]\n"pay:validator" = "^0.1"\n')
    lock(company.world("shop"), user)
    assert recomposed(company, user, "pay:validator").recomposed


def test_in_a_folder(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies the version alone leaves its raw component behind."""
    root = published(company)
    monkeypatch.chdir(tmp_path)
    world = company.world("copier")
    from msgspec.structs import replace

    world = replace(world, registry=Router(company.registry, LayoutRegistry(tmp_path)))
    copy(world, company.repository("validator").at(tag="0.1.0"), Reference.parse("dir:vendor:0.1.0"))
    with pytest.raises(CannotRecompose, match="pay:validator@0.1.0 is gone"):
        verify(world, root, "dir:vendor:0.1.0", keys(company), recompose=True)
    copy(world, company.repository("validator").at(tag="0.1.0_raw"), Reference.parse("dir:vendor:0.1.0_raw"))
    assert verify(world, root, "dir:vendor:0.1.0", keys(company), recompose=True).recomposed


def attest_instead(company: Company, root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The bank takes its provenance back and attests something else."""
    verified = verify(company.world("bank"), root, PACKAGE, keys(company))
    predicate = json.loads(json.dumps(verified.verification.attestations[SLSA_PROVENANCE][0].statement.predicate))
    change(predicate)
    for key, (_, data) in list(company.registry.manifests.items()):
        if SLSA_PROVENANCE.encode() in data and key == (company.repository("validator"), key[1]):
            subject = json.loads(data).get("subject", {}).get("digest")
            if subject == str(verified.release.manifest.digest):
                del company.registry.manifests[key]
    file = company.folder / "predicate.json"
    file.write_text(json.dumps(predicate))
    attest(company.world("bank"), root, PACKAGE, company.bank_key, "slsaprovenance1", file)


def definition(predicate: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = predicate["buildDefinition"]
    return found


def dependency(predicate: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        item for item in definition(predicate)["resolvedDependencies"] if item["name"] == name
    )
    return found


def test_another_component_is_noticed(company: Company) -> None:
    """What is published is not what its provenance says, though all of it is signed by the right key."""
    root = published(company)
    attest_instead(
        company, root, lambda p: definition(p)["internalParameters"].update(decisions={"shareModules": True})
    )
    dependency_of = "pay:harness@0.1.0"
    attest_instead(company, root, lambda p: dependency(p, dependency_of)["annotations"].update(label="other"))
    with pytest.raises(
        RecomposedDifferently, match="is not what its provenance describes: it is sha256:.*, composed again it is"
    ) as caught:
        recomposed(company, root)
    published_digest = str(company_digest(root))
    assert caught.value.exit_code == 5
    assert caught.value.details["published"] == published_digest != caught.value.details["recomposed"]
    assert caught.value.hint is None
    verify(company.world("verifier"), root, PACKAGE, keys(company), inputs=True)


def test_another_version_of_wpkg_is_named_where_it_may_be_why(company: Company) -> None:
    root = published(company)

    def change(predicate: dict[str, Any]) -> None:
        dependency(predicate, "pay:harness@0.1.0")["annotations"]["label"] = "other"
        predicate["runDetails"]["builder"]["version"] = {"wpkg": "0.0.1"}

    attest_instead(company, root, change)
    with pytest.raises(RecomposedDifferently) as caught:
        recomposed(company, root)
    assert caught.value.hint == f"it was composed by wpkg 0.0.1, this is {__version__}"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda p: definition(p)["internalParameters"].update(seed="1"),
            "has the parameter 'seed', which this version of wpkg does not know",
        ),
        (
            lambda p: definition(p)["externalParameters"].update(mood="1"),
            "has the parameter 'mood', which this version of wpkg does not know",
        ),
        (
            lambda p: definition(p)["internalParameters"].update(decisions={"sort": True}),
            "has a decision that this version of wpkg does not know: object contains unknown field `sort`",
        ),
        (
            lambda p: definition(p)["internalParameters"].update(decisions={"shareModules": 1}),
            "has a decision that this version of wpkg does not know: expected `bool`",
        ),
        (
            lambda p: definition(p)["internalParameters"].pop("decisions"),
            "does not say what was decided about the composition",
        ),
        (
            lambda p: definition(p)["externalParameters"].update(strategy="plug"),
            "it was composed in the way 'plug'",
        ),
        (
            lambda p: definition(p).update(buildType="https://example.com/b"),
            "nobody whom the policy names has attested provenance of the type https://wpkg.dev/buildtypes/compose/v1",
        ),
        (
            lambda p: dependency(p, "pay:harness@0.1.0")["annotations"].pop("name"),
            "does not say what pay:harness@0.1.0 is called in the composition",
        ),
        (
            lambda p: dependency(p, "pay:harness@0.1.0")["annotations"].pop("manifestDigest"),
            "pay:harness@0.1.0 came from a path, and is published nowhere",
        ),
        (
            lambda p: definition(p)["internalParameters"].update(decisions={"root": "pay:none"}),
            "cannot be composed again: .*pay:none",
        ),
    ],
)
def test_it_cannot_be_done(company: Company, change: Callable[[dict[str, Any]], object], why: str) -> None:
    root = published(company)
    attest_instead(company, root, change)
    with pytest.raises(CannotRecompose, match=why) as caught:
        recomposed(company, root)
    assert caught.value.exit_code == 5


def test_what_is_not_composed_cannot_be_composed_again(company: Company) -> None:
    root = published(company)
    with pytest.raises(CannotRecompose, match="it is not composed, it says 'component'"):
        recomposed(company, root, "pay:harness@0.1.0")


def test_an_input_that_is_gone(company: Company) -> None:
    root = published(company)
    for key in list(company.registry.manifests):
        if key[0] == company.repository("harness"):
            del company.registry.manifests[key]
    with pytest.raises(CannotRecompose, match="pay:harness@0.1.0 is gone"):
        recomposed(company, root)


def test_an_input_that_is_not_trusted(company: Company) -> None:
    root = published(company)
    with pytest.raises(NotTrusted, match="what it was composed of: pay:harness@0.1.0 .* is not trusted"):
        verify(company.world("v"), root, PACKAGE, keys(company)[:1], recompose=True)
    for key, (_, data) in list(company.registry.manifests.items()):
        if key[0] == company.repository("harness") and b'"subject"' in data:
            del company.registry.manifests[key]
    company.registry.tags = {k: v for k, v in company.registry.tags.items() if not k[1].endswith(".sig")}
    with pytest.raises(NotSigned, match="what it was composed of: pay:harness@0.1.0"):
        recomposed(company, root)


def test_the_raw_component_of_something_else(company: Company) -> None:
    """The provenance says other bytes than those that were published beside it."""
    root = published(company)
    other = {"sha256": "0" * 64}
    attest_instead(company, root, lambda p: dependency(p, "pay:validator@0.1.0").update(digest=other))
    with pytest.raises(InputNotTrusted, match="provenance says that pay:validator@0.1.0 is sha256:0000"):
        recomposed(company, root)


def test_a_component_from_a_path(company: Company) -> None:
    """Its bytes are published nowhere, so nobody else can compose it."""
    company.publish("harness")
    root = company.project(
        "validator", extra=TRUST + NEEDS + '[composition]\ncomponents = ["pay:harness", "x.wasm"]\n'
    )
    (root / "x.wasm").write_bytes(component("export sys:io/streams@0.2.0;"))
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    with pytest.raises(CannotRecompose, match="x.wasm came from a path, and is published nowhere"):
        recomposed(company, root)


def test_every_decision_is_recorded_and_read_back() -> None:
    decided = Decisions(
        "a",
        (Choice("a", "b:c/d", "e", "f"), Choice(None, "b:c/d", "e")),
        True,
        True,
        ("a", "b"),
        True,
        {"i": "a"},
    )
    assert all(getattr(decided, name) != getattr(Decisions(), name) for name in Decisions.__struct_fields__)
    recorded = json.loads(json.dumps(decided.record()))
    assert len(recorded) == len(Decisions.__struct_fields__)
    assert recorded == decided.record()
    assert Decisions.read(recorded) == decided
    assert Decisions().record() == {}
    with pytest.raises(UnknownDecision, match="unknown field `chains`"):
        Decisions.read({**recorded, "chains": []})
