"""What was believed of cosign and is settled here by asking it; and attacks that both sides have to refuse."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.fakes.world import Chance, fake_world
from tests.interop.conftest import Publication, publish
from tests.interop.test_cosign import OFFLINE_SIGNING, PASSWORD, cosign, verify_arguments
from wpkg.errors import NotTrusted
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES
from wpkg.oci.reference import Reference
from wpkg.oci.referrers import referrers_tag
from wpkg.registry.client import RegistryClient
from wpkg.trust.bundle import BUNDLE_V03, build_bundle_referrer, sign_statement
from wpkg.trust.keyfile import read_key_file, write_key_file
from wpkg.trust.legacy import legacy_tag
from wpkg.trust.statement import COSIGN_SIGN, CYCLONEDX, signature_statement
from wpkg.workflow.attach import published_as
from wpkg.workflow.release import Release, fetch_release
from wpkg.workflow.sign import attest, sign_to_file
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_file import FileNotTrusted, verify_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.interop


def raw_release(published: Publication) -> Release:
    """The raw validator, which is not composed; unsigned where it was published so."""
    artifact = published.pushed.artifacts[0].publication.artifact
    reference = published.pushed.repository.at(digest=artifact.manifest.digest)
    return fetch_release(published.company.world("reader"), reference)


def bundle_of(published: Publication, release: Release) -> dict[str, Any]:
    """Our signature on a release."""
    document: dict[str, Any] = json.loads(
        sign_statement(published.key, signature_statement(published_as(release)))
    )
    return document


def attach(release: Release, bundle: dict[str, Any] | bytes) -> None:
    """Push any bundle as a referrer of a release, as an attacker would."""
    client = RegistryClient()
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    repository = release.reference.repository
    for media_type, blob in ((EMPTY_CONFIG, EMPTY_CONFIG_BYTES), (BUNDLE_V03, data)):
        client.push_blob(repository, Descriptor.of(media_type, blob), lambda blob=blob: io.BytesIO(blob))  # type: ignore[misc]
    manifest = build_bundle_referrer(release.manifest, data, COSIGN_SIGN)
    client.push_manifest(repository, manifest.encode(), manifest.media_type)


def ssh_fingerprint(published: Publication) -> str:
    """What go-securesystemslib calls a P-256 key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    key = load_pem_public_key(published.key.public.pem)
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(line)).digest()).decode().rstrip("=")


def change_payload(bundle: dict[str, Any]) -> None:
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"0.1.0", b"0.1.1")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()


def change_signature(bundle: dict[str, Any]) -> None:
    signature = bytearray(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
    signature[-1] ^= 1
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()


@pytest.mark.parametrize("change", [change_payload, change_signature], ids=["payload", "signature"])
def test_a_changed_byte_is_refused_by_both(
    tmp_path: Path, address: str, change: Callable[[dict[str, Any]], None]
) -> None:
    published = publish(tmp_path, address, unsigned=True)
    release = raw_release(published)
    bundle = bundle_of(published, release)
    change(bundle)
    attach(release, bundle)
    both_refuse(published, release, "signature is not by 'bank.pub', whom it names")


def test_a_signature_on_another_digest_is_refused_by_both(tmp_path: Path, address: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    release = raw_release(published)
    composed = fetch_release(published.company.world("reader"), Reference.parse(published.reference))
    attach(release, bundle_of(published, composed))
    both_refuse(published, release, "signed another artifact with it")


def test_an_unsigned_artifact_is_refused_by_both(tmp_path: Path, address: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    both_refuse(published, raw_release(published), "is not signed")


def test_a_stripped_signature_is_refused_by_both(tmp_path: Path, address: str) -> None:
    """Both accept it; then the signature, its `.sig` tag and the index of referrers are deleted."""
    published = publish(tmp_path, address)
    release, client = raw_release(published), RegistryClient()
    repository, reference = release.reference.repository, str(release.reference)
    for version in ("v3", "v2"):
        done = cosign(version, tmp_path, "verify", *verify_arguments(version, tmp_path, "bank.pub"), reference)
        assert done.code == 0, done.out
    verify(published.company.world("c"), tmp_path, reference, [tmp_path / "bank.pub"])
    there = [referrer.digest for referrer in client.list_referrers(repository, release.manifest.digest)]
    for tag in (legacy_tag(release.manifest.digest), referrers_tag(release.manifest.digest)):
        digest = client.resolve(repository.at(tag=tag))
        there += [digest] if digest is not None else []
    for digest in there:
        url = f"http://{repository.registry}/v2/{repository.path}/manifests/{digest}"
        with urlopen(Request(url, method="DELETE")) as answer:
            assert answer.status == HTTPStatus.ACCEPTED
    both_refuse(published, release, "is not signed")


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_we_verify_a_file_that_cosign_has_signed(tmp_path: Path, version: str) -> None:
    """`cosign sign-blob` writes a messageSignature; another file, another key and a changed digest are refused."""
    for name in ("ours", "other"):
        done = cosign(version, tmp_path, "generate-key-pair", "--output-key-prefix", name)
        assert done.code == 0, done.out
    (tmp_path / "a.wasm").write_bytes(b"the component")
    (tmp_path / "b.wasm").write_bytes(b"another one")
    options = [*OFFLINE_SIGNING, "--key", "ours.key", "--bundle", "b.json", "--new-bundle-format=true"]
    done = cosign(version, tmp_path, "sign-blob", *options, "a.wasm")
    assert done.code == 0, done.out
    assert "messageSignature" in json.loads((tmp_path / "b.json").read_text())
    world, keys = fake_world(tmp_path / "c"), [tmp_path / "ours.pub"]
    found = verify_file(world, tmp_path / "a.wasm", tmp_path / "b.json", keys)
    assert (found.signer.name, found.statement) == ("ours.pub", None)
    with pytest.raises(FileNotTrusted, match=r"what was signed in .* is sha256:.*, and .*b.wasm is"):
        verify_file(world, tmp_path / "b.wasm", tmp_path / "b.json", keys)
    with pytest.raises(FileNotTrusted, match=r"is no signature over .*a.wasm by other.pub"):
        verify_file(world, tmp_path / "a.wasm", tmp_path / "b.json", [tmp_path / "other.pub"])


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_cosign_verifies_a_file_that_we_have_signed(tmp_path: Path, version: str) -> None:
    assert cosign(version, tmp_path, "generate-key-pair", "--output-key-prefix", "k").code == 0
    (tmp_path / "a.wasm").write_bytes(b"the component")
    (tmp_path / "b.wasm").write_bytes(b"another one")
    key = read_key_file((tmp_path / "k.key").read_bytes(), PASSWORD.encode())
    sign_to_file(fake_world(tmp_path / "c"), tmp_path, str(tmp_path / "a.wasm"), key, tmp_path / "b.json")
    arguments = [*verify_arguments(version, tmp_path, "k.pub"), "--bundle", "b.json", "--type", COSIGN_SIGN]
    good = cosign(version, tmp_path, "verify-blob-attestation", *arguments, "a.wasm")
    assert good.code == 0, good.out
    assert cosign(version, tmp_path, "verify-blob-attestation", *arguments, "b.wasm").code != 0


def both_refuse(published: Publication, release: Release, reason: str) -> None:
    reference, folder = str(release.reference), published.folder
    for version in ("v3", "v2"):
        done = cosign(version, folder, "verify", *verify_arguments(version, folder, "bank.pub"), reference)
        assert done.code != 0, done.out
    with pytest.raises(NotTrusted, match=reason) as caught:
        verify(published.company.world("c"), folder, reference, [folder / "bank.pub"])
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("kind", ["absent", "empty", "ssh", "hint"])
def test_a_keyid_is_best_left_out(tmp_path: Path, shim: str, kind: str) -> None:
    """cosign takes none, an empty one and the SSH fingerprint; the hint, which the format wants, it refuses."""
    published = publish(tmp_path, shim, unsigned=True)
    release = raw_release(published)
    bundle = bundle_of(published, release)
    keyid = {"empty": "", "ssh": ssh_fingerprint(published), "hint": published.key.public.hint}.get(kind)
    if keyid is not None:
        bundle["dsseEnvelope"]["signatures"][0]["keyid"] = keyid
    attach(release, bundle)
    arguments = verify_arguments("v3", tmp_path, "bank.pub")
    done = cosign("v3", tmp_path, "verify", *arguments, str(release.reference))
    assert (done.code == 0) is (kind != "hint"), done.out
    found = verify(published.company.world("c"), tmp_path, str(release.reference), [tmp_path / "bank.pub"])
    assert found.verification.state == "verified"


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_the_second_subject_makes_a_bundle_good_for_the_bare_file(tmp_path: Path, shim: str, version: str) -> None:
    published = publish(tmp_path, shim, unsigned=True)
    release = raw_release(published)
    (tmp_path / "b.json").write_text(json.dumps(bundle_of(published, release)))
    wasm = published.root / "build" / "validator.wasm"
    arguments = ["--bundle", "b.json", "--type", COSIGN_SIGN]
    for file, good in ((str(wasm), True), ("b.json", False)):
        options = verify_arguments(version, tmp_path, "bank.pub")
        done = cosign(version, tmp_path, "verify-blob-attestation", *options, *arguments, file)
        assert (done.code == 0) is good, done.out
    world, keys = published.company.world("c"), [tmp_path / "bank.pub"]
    assert verify_file(world, wasm, tmp_path / "b.json", keys).digest == release.component.digest
    with pytest.raises(FileNotTrusted):
        verify_file(world, tmp_path / "b.json", tmp_path / "b.json", keys)


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_cosign_verifies_any_attestation_of_ours(tmp_path: Path, address: str, version: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    release = raw_release(published)
    (tmp_path / "p.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6"}')
    world, reference = published.company.world(), str(release.reference)
    attest(world, tmp_path, reference, published.key, "cyclonedx", tmp_path / "p.json")
    for kind, key, good in (
        ("cyclonedx", "bank.pub", True),
        (CYCLONEDX, "bank.pub", True),
        ("slsaprovenance1", "bank.pub", False),
        ("cyclonedx", "stranger.pub", False),
    ):
        options = verify_arguments(version, tmp_path, key)
        done = cosign(version, tmp_path, "verify-attestation", *options, "--type", kind, reference)
        assert (done.code == 0) is good, done.out
    with pytest.raises(NotTrusted):
        verify(world, tmp_path, reference, [tmp_path / "bank.pub"])  # it is no signature


def test_an_attestation_passes_for_a_signature_with_cosign_and_not_with_us(tmp_path: Path, shim: str) -> None:
    published = publish(tmp_path, shim, unsigned=True)
    release = raw_release(published)
    (tmp_path / "p.json").write_text("{}")
    reference = str(release.reference)
    attest(published.company.world(), tmp_path, reference, published.key, "cyclonedx", tmp_path / "p.json")
    assert cosign("v3", tmp_path, "verify", *verify_arguments("v3", tmp_path, "bank.pub"), reference).code == 0
    with pytest.raises(NotTrusted, match="an attestation by 'bank.pub', which is not a signature"):
        verify(published.company.world("c"), tmp_path, reference, [tmp_path / "bank.pub"])


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_we_read_the_bundles_and_indexes_that_either_cosign_writes(
    tmp_path: Path, address: str, version: str
) -> None:
    published = publish(tmp_path, address, unsigned=True)
    release = raw_release(published)
    (tmp_path / "bank.key").write_bytes(write_key_file(published.key, PASSWORD.encode(), Chance()))
    options = ["--key", "bank.key", *OFFLINE_SIGNING, "--new-bundle-format=true"]
    signed = cosign(version, tmp_path, "sign", *options, str(release.reference))
    assert signed.code == 0, signed.out
    found = verify(published.company.world("c"), tmp_path, str(release.reference), [tmp_path / "bank.pub"])
    assert found.verification.state == "verified"
    with pytest.raises(NotTrusted):
        verify(published.company.world("c"), tmp_path, str(release.reference), [tmp_path / "stranger.pub"])


@pytest.mark.parametrize("member", ["statement", "subject"])
def test_members_that_nobody_knows_are_refused_by_cosign(tmp_path: Path, shim: str, member: str) -> None:
    published = publish(tmp_path, shim, unsigned=True)
    release = raw_release(published)
    from wpkg.trust.envelope import Envelope
    from wpkg.trust.statement import IN_TOTO_PAYLOAD

    document = json.loads(signature_statement(published_as(release)).encode())
    (document if member == "statement" else document["subject"][0])["extra"] = 1
    bundle = bundle_of(published, release)
    payload = json.dumps(document).encode()
    bundle["dsseEnvelope"] = Envelope.sign(published.key, IN_TOTO_PAYLOAD, payload).to_json()
    attach(release, bundle)
    done = cosign("v3", tmp_path, "verify", *verify_arguments("v3", tmp_path, "bank.pub"), str(release.reference))
    assert done.code != 0, done.out
