from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workflow.conftest import TRUST
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.manifest import Manifest, read_manifest
from wpkg.registry.errors import NotFound
from wpkg.trust.verification import NotSigned, SignatureInvalid
from wpkg.workflow.build import build
from wpkg.workflow.inspect import inspect
from wpkg.workflow.pull import pull
from wpkg.workflow.push import push
from wpkg.workflow.release import WrongContent
from wpkg.workflow.verify import ProvenanceMissing, verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company
    from wpkg.oci.digest import Digest

DEPENDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'
PACKAGE = "pay:validator@0.1.0"


@pytest.fixture
def published(company: Company) -> tuple[Company, Path]:
    """The composed validator, published by the bank; and its project folder."""
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key, ("bundle",))
    return company, root


def digest_of(company: Company, tag: str = "0.1.0") -> Digest:
    return company.registry.tags[company.repository("validator"), tag]


def bundles(company: Company, subject: Digest) -> list[Digest]:
    """The digests of the bundle blobs that are attached to an artifact."""
    repository = company.repository("validator")
    found = []
    for referrer in company.registry.list_referrers(repository, subject):
        manifest = read_manifest(company.registry.manifests[repository, referrer.digest][1])
        assert isinstance(manifest, Manifest)
        found.append(manifest.layers[0].digest)
    return found


def test_by_digest_into_an_empty_cache_and_folder(published: tuple[Company, Path], tmp_path: Path) -> None:
    company, root = published
    key = company.key_file(company.bank_key, "bank.pub")
    reference = f"{company.repository('validator')}@{digest_of(company)}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pulled = pull(company.world("consumer"), elsewhere, reference, elsewhere / "app.wasm", [key])
    assert pulled.verification is not None
    assert pulled.verification.state == "verified"
    assert (elsewhere / "app.wasm").read_bytes() == (root / "build" / "validator.composed.wasm").read_bytes()


def test_raw_and_composed_by_version(published: tuple[Company, Path], tmp_path: Path) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    assert verify(company.world("c"), root, PACKAGE, key).release.kind == "composed"
    assert verify(company.world("c"), root, PACKAGE, key, raw=True).release.kind == "raw"
    pull(company.world("c"), root, PACKAGE, tmp_path / "raw.wasm", key, raw=True)
    assert (tmp_path / "raw.wasm").read_bytes() == company.sources["validator"]


def test_verify_says_what_it_was_composed_of(published: tuple[Company, Path]) -> None:
    company, root = published
    verified = verify(company.world("c"), root, PACKAGE, [company.key_file(company.bank_key, "bank.pub")])
    assert [item.name for item in verified.inputs] == ["pay:harness@0.1.0", "pay:validator@0.1.0"]
    assert [signer.hint for signer in verified.verification.signers] == [company.bank_key.public.hint]


def test_by_the_policy_of_the_project(published: tuple[Company, Path]) -> None:
    company, root = published
    with pytest.raises(SignatureInvalid, match="signed by a key that the rule does not name"):
        verify(company.world("c"), root, PACKAGE)  # the project trusts the platform, not the bank
    (root / "platform.pub").write_bytes(company.bank_key.public.pem)
    assert verify(company.world("c"), root, PACKAGE).verification.state == "verified"


@pytest.mark.parametrize("name", ["stranger", "platform"])
def test_another_key_does_not_verify(published: tuple[Company, Path], tmp_path: Path, name: str) -> None:
    company, root = published
    key = company.key_file(company.stranger_key if name == "stranger" else company.platform_key, "other.pub")
    with pytest.raises(SignatureInvalid) as caught:
        verify(company.world("c"), root, PACKAGE, [key])
    assert caught.value.exit_code == 5
    assert "pay:validator 0.1.0" in str(caught.value)
    with pytest.raises(SignatureInvalid):
        pull(company.world("c"), root, PACKAGE, tmp_path / "x.wasm", [key])
    assert not (tmp_path / "x.wasm").exists()


def test_a_changed_component_is_refused_by_verify_and_pull(
    published: tuple[Company, Path], tmp_path: Path
) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    component = verify(company.world("c"), root, PACKAGE, key).release.component.digest
    at = (company.repository("validator"), component)
    data = company.registry.blobs[at]
    company.registry.blobs[at] = data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]
    for user, command in (
        ("v", lambda w: verify(w, root, PACKAGE, key)),
        ("p", lambda w: pull(w, root, PACKAGE, tmp_path / "x", key)),
    ):
        with pytest.raises(WpkgError, match=f"blob {component} .* does not match its digest") as caught:
            command(company.world(user))
        assert caught.value.exit_code == 6
    assert not (tmp_path / "x").exists()


def test_a_changed_signature_is_refused_by_verify_and_pull(
    published: tuple[Company, Path], tmp_path: Path
) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    for digest in bundles(company, digest_of(company)):
        at = (company.repository("validator"), digest)
        data = company.registry.blobs[at]
        company.registry.blobs[at] = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    for user, command in (
        ("v", lambda w: verify(w, root, PACKAGE, key)),
        ("p", lambda w: pull(w, root, PACKAGE, tmp_path / "x", key)),
    ):
        with pytest.raises(SignatureInvalid, match="pay:validator 0.1.0 .* does not match its digest") as caught:
            command(company.world(user))
        assert caught.value.exit_code == 5


def test_verify_and_pull_look_at_the_registry_and_not_at_what_the_cache_remembers(
    published: tuple[Company, Path], tmp_path: Path
) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    world = company.world("c")
    assert verify(world, root, PACKAGE, key).verification.state == "verified"
    for digest in bundles(company, digest_of(company)):
        del company.registry.blobs[company.repository("validator"), digest]
    with pytest.raises(SignatureInvalid, match="could not be fetched"):
        verify(world, root, PACKAGE, key)
    with pytest.raises(SignatureInvalid):
        pull(world, root, PACKAGE, tmp_path / "x", key)


@pytest.mark.parametrize("part", ["manifest", "config"])
def test_verify_asks_the_registry_for_what_the_cache_has(published: tuple[Company, Path], part: str) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    world, reference = company.world("c"), f"{company.repository('validator')}@{digest_of(company)}"
    release = verify(world, root, reference, key).release
    repository = company.repository("validator")
    if part == "manifest":
        del company.registry.manifests[repository, release.manifest.digest]
    else:
        manifest = read_manifest(company.registry.manifests[repository, release.manifest.digest][1])
        assert isinstance(manifest, Manifest)
        del company.registry.blobs[repository, manifest.config.digest]
    with pytest.raises(NotFound):
        verify(world, root, reference, key)


def test_a_changed_manifest_is_refused(published: tuple[Company, Path]) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    digest = digest_of(company)
    at = (company.repository("validator"), digest)
    media_type, data = company.registry.manifests[at]
    company.registry.manifests[at] = (media_type, data.replace(b"0.1.0", b"0.1.1"))
    with pytest.raises(WpkgError, match="manifest .* does not match its digest: got sha256"):
        verify(company.world("c"), root, f"{company.repository('validator')}@{digest}", key)


def test_a_stripped_signature_is_unsigned(published: tuple[Company, Path]) -> None:
    company, root = published
    for key, (_, data) in list(company.registry.manifests.items()):
        if b'"subject"' in data:
            del company.registry.manifests[key]
    with pytest.raises(NotSigned, match="pay:validator 0.1.0 .* is not signed") as caught:
        verify(company.world("c"), root, PACKAGE, [company.key_file(company.bank_key, "bank.pub")])
    assert caught.value.exit_code == 5


def test_a_composed_component_without_provenance_is_not_enough(published: tuple[Company, Path]) -> None:
    company, root = published
    for key, (_, data) in list(company.registry.manifests.items()):
        if b'"subject"' in data and b"slsa.dev/provenance" in data:
            del company.registry.manifests[key]
    with pytest.raises(
        ProvenanceMissing, match="nobody whom the policy names has attested what it was composed of"
    ):
        verify(company.world("c"), root, PACKAGE, [company.key_file(company.bank_key, "bank.pub")])


def test_the_raw_component_cannot_be_served_for_the_composed_one(published: tuple[Company, Path]) -> None:
    company, root = published
    repository = company.repository("validator")
    company.registry.tags[repository, "0.1.0"] = company.registry.tags[repository, "0.1.0_raw"]
    with pytest.raises(WrongContent, match="is not the component that runs of pay:validator 0.1.0, it says 'raw'"):
        verify(company.world("c"), root, PACKAGE, [company.key_file(company.bank_key, "bank.pub")])


def test_an_older_version_cannot_be_served_for_a_newer_one(published: tuple[Company, Path]) -> None:
    company, root = published
    repository = company.repository("validator")
    company.registry.tags[repository, "0.2.0"] = company.registry.tags[repository, "0.1.0"]
    with pytest.raises(WrongContent, match="says that it is pay:validator 0.1.0, not pay:validator 0.2.0"):
        verify(company.world("c"), root, "pay:validator@0.2.0", [company.key_file(company.bank_key, "bank.pub")])


def test_not_found_says_what_is_there(published: tuple[Company, Path]) -> None:
    company, root = published
    key = [company.key_file(company.bank_key, "bank.pub")]
    with pytest.raises(NotFound, match="validator:9.9.9 is not in the registry") as caught:
        verify(company.world("c"), root, "pay:validator@9.9.9", key)
    assert "has the tags: 0.1.0, 0.1.0_raw" in (caught.value.hint or "")
    with pytest.raises(NotFound) as caught:
        verify(company.world("c"), root, "pay:nobody@1.0.0", key)
    assert "there is no repository" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["pay:validator", "127.0.0.1:5000/demo/x", "x", "pay:validator@1", "../x.wasm"])
def test_what_names_no_version_is_refused(published: tuple[Company, Path], text: str) -> None:
    company, root = published
    with pytest.raises(InvalidInput):
        verify(company.world("c"), root, text, [company.key_file(company.bank_key, "bank.pub")])


def test_without_anybody_to_trust_verify_refuses_and_pull_warns(
    published: tuple[Company, Path], tmp_path: Path
) -> None:
    company, _ = published
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    reference = f"{company.repository('validator')}:0.1.0"
    with pytest.raises(InvalidInput, match="nothing says whom to trust"):
        verify(company.world("c"), nowhere, reference)
    company.notes.lines.clear()
    assert pull(company.world("c"), nowhere, reference, tmp_path / "x.wasm").verification is None
    assert company.notes.warnings[0].endswith(
        "was not verified: no key was given, and wasmcloud.toml has no [trust]"
    )


def test_a_folder_is_no_place_for_a_component(published: tuple[Company, Path], tmp_path: Path) -> None:
    company, root = published
    with pytest.raises(InvalidInput, match="is a folder, a file name is needed"):
        pull(company.world("c"), root, PACKAGE, tmp_path, [company.key_file(company.bank_key, "bank.pub")])


def test_inspect_shows_what_is_there_and_who_claims_to_have_signed(published: tuple[Company, Path]) -> None:
    company, root = published
    found = inspect(company.world("c"), root, PACKAGE)
    assert [extern.name for extern in found.imports] == ["sys:io/streams@0.2.0"]
    assert [(extern.name, extern.what) for extern in found.exports] == [("run", "func(message: string)")]
    assert found.claims is not None
    assert {claim.hint for claim in found.claims} == {company.bank_key.public.hint}
    local = inspect(company.world("c"), root, str(root / "build" / "validator.wasm"))
    assert local.release is None
    assert [extern.name for extern in local.exports] == ["pay:platform/validation@0.1.0"]


def test_what_is_sent_fetched_and_checked_is_watched_to_its_end(
    published: tuple[Company, Path], tmp_path: Path
) -> None:
    company, root = published
    size = verify(
        company.world(), root, PACKAGE, [company.key_file(company.bank_key, "b.pub")]
    ).release.component.size
    seen = company.notes.progressed
    repository = company.repository("validator")
    assert seen[f"{repository}:0.1.0"] == (size, size)  # pushed
    assert seen[digest_of_component(root).short] == (size, size)  # checked
    seen.clear()
    pull(company.world("c"), root, PACKAGE, tmp_path / "v.wasm", [company.key_file(company.bank_key, "b.pub")])
    assert list(seen.values()) == [(size, size)]


def digest_of_component(root: Path) -> Digest:
    from wpkg.oci.digest import Digest

    return Digest.of((root / "build" / "validator.composed.wasm").read_bytes())
