"""Component files without a bundle: what the lock of a project, or the cache, says that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.world import offline
from tests.workflow.conftest import HARNESS, TRUST, VALIDATOR, Company, component
from tests.workflow.test_trust import DEPENDS, policy
from wpkg.errors import InvalidInput, NotTrusted
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.trust.verification import SignatureInvalid
from wpkg.workflow.copy import copy
from wpkg.workflow.lock import lock
from wpkg.workflow.pull import pull
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_file import FileNotTrusted

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_without_a_bundle_is_what_the_lock_pins(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    file = tmp_path / "anything.wasm"
    file.write_bytes(component(HARNESS))
    nowhere = (
        "nothing says where .*anything.wasm comes from: there is no wpkg.lock, and the cache knows no signature"
    )
    with pytest.raises(InvalidInput, match=nowhere) as caught:
        verify(company.world(), root, str(file))
    assert "--bundle FILE --key FILE" in str(caught.value.hint)
    lock(company.world(), root)
    found = verify(company.world(), root, str(file))
    assert (str(found.located.package), found.verification.state) == ("pay:harness", "verified")
    assert (found.found.by if found.found else None, found.is_kept) == ("lock", False)
    with pytest.raises(SignatureInvalid):
        verify(policy(company), root, str(file))
    file.write_bytes(component(HARNESS)[:-1] + b"x")
    with pytest.raises(InvalidInput, match="wpkg.lock does not pin it, and the cache knows no signature of sha"):
        verify(company.world(), root, str(file))
    with pytest.raises(InvalidInput, match="cannot read .*none.wasm: no such file"):
        verify(company.world(), root, str(tmp_path / "none.wasm"))


def test_a_lock_that_lies_about_a_file(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    lock(company.world(), root)
    file = tmp_path / "evil.wasm"
    file.write_bytes(component(VALIDATOR))
    pinned = str(verify(company.world(), root, "pay:harness").release.component.digest)
    text = (root / "wpkg.lock").read_text()
    assert pinned in text
    (root / "wpkg.lock").write_text(text.replace(pinned, str(Digest.of(file.read_bytes()))))
    with pytest.raises(FileNotTrusted, match="evil.wasm is sha256:.*, and pay:harness 0.1.0 .* is sha256:"):
        verify(company.world(), root, str(file))


def pulled(company: Company, tmp_path: Path, version: str = "0.1.0") -> Path:
    """The harness, pulled by somebody whose project has a policy and no lock."""
    root = company.project("validator", extra=DEPENDS)
    file = tmp_path / "pulled.wasm"
    pull(company.world("operator"), root, f"pay:harness@{version}", file)
    return root


def test_a_file_that_was_pulled_is_found_by_the_cache(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root, file = pulled(company, tmp_path), str(tmp_path / "pulled.wasm")
    found = verify(company.world("operator"), root, file)
    assert found.found is not None
    assert (found.found.by, found.is_kept, found.verification.state) == ("cache", False, "verified")
    assert str(found.located.pin) == "pay:harness 0.1.0"
    with pytest.raises(InvalidInput, match="the cache knows no signature of sha256"):
        verify(company.world("somebody else"), root, file)
    (tmp_path / "pulled.wasm").write_bytes(component(HARNESS)[:-1] + b"x")
    with pytest.raises(InvalidInput, match="the cache knows no signature of sha256"):
        verify(company.world("operator"), root, file)


def test_what_the_cache_has_found_is_verified_by_what_the_registry_says_now(
    company: Company, tmp_path: Path
) -> None:
    """The cache knows where to look; its word is taken only where nobody else may be asked."""
    company.publish("harness")
    root, file = pulled(company, tmp_path), str(tmp_path / "pulled.wasm")
    for key, (_, data) in list(company.registry.manifests.items()):
        if b'"subject"' in data:
            del company.registry.manifests[key]
    kept = verify(offline(company.world("operator")), root, file)
    assert (kept.is_kept, kept.verification.state, kept.verification.signers[0].name) == (
        True,
        "verified",
        "platform",
    )
    with pytest.raises(NotTrusted, match="pay:harness 0.1.0 .* is not (signed|trusted)"):
        verify(company.world("operator"), root, file)
    assert not company.world("operator").cache.proofs(kept.release.manifest.digest)
    with pytest.raises(NotTrusted):
        verify(offline(company.world("operator")), root, file)


@pytest.mark.parametrize("change", ["expires = 2020-01-01", "revoked = true"])
def test_the_signatures_of_the_cache_are_judged_by_the_policy_of_today(
    company: Company, tmp_path: Path, change: str
) -> None:
    company.publish("harness")
    root, file = pulled(company, tmp_path), str(tmp_path / "pulled.wasm")
    company.project("validator", extra=DEPENDS.replace("[[trust", f"{change}\n[[trust"))
    with pytest.raises(SignatureInvalid, match="whose key (has expired|is revoked)"):
        verify(offline(company.world("operator")), root, file)


def test_a_file_that_was_pulled_from_several_repositories(company: Company, tmp_path: Path) -> None:
    """By the rule for any of them, of which one is enough; and not by a rule that lets unsigned artifacts pass."""
    company.publish("harness")
    root, file = pulled(company, tmp_path), str(tmp_path / "pulled.wasm")
    elsewhere = Repository(company.repository("harness").registry, "aaa/harness")
    world = company.world("operator")
    lenient = f'[[trust.rule]]\nmatch = "{elsewhere}"\nunsigned = "allow"\n'
    company.project("validator", extra=TRUST + lenient + DEPENDS.removeprefix(TRUST))
    copy(world, company.repository("harness").at(tag="0.1.0"), elsewhere.at(tag="0.1.0"))
    verify(world, root, f"{elsewhere}:0.1.0")
    found = verify(world, root, file)
    assert found.found is not None
    assert len(found.found.places) == 2
    assert str(found.located.reference.repository) == str(company.repository("harness"))
    company.project("validator", extra=TRUST.replace("demo/**", "other") + lenient + DEPENDS.removeprefix(TRUST))
    with pytest.raises(NotTrusted):
        verify(world, root, file)


def test_an_artifact_without_a_component_is_passed_over(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root = pulled(company, tmp_path)
    world = company.world("operator")
    for data in (b"no manifest", b'{"schemaVersion":2}'):
        world.cache.write(Digest.of(data), data)
        world.cache.keep_proofs(Digest.of(data), [], company.repository("harness"))
    world.cache.keep_proofs(Digest.of(b"not there"), [], company.repository("harness"))
    assert verify(world, root, str(tmp_path / "pulled.wasm")).verification.state == "verified"
