"""cosign confirms what we sign, and we confirm what cosign signs: keys, bundles, attestations."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import Publication, execute, peer, publish
from tests.workflow.conftest import HARNESS, component
from wpkg.errors import NotTrusted
from wpkg.oci.artifact import WASM_LAYER, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.trust.keyfile import read_key_file, write_key_file
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.workflow.sign import attest
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Done

pytestmark = pytest.mark.interop

PASSWORD = "pw"
OFFLINE_SIGNING = ["--yes", "--use-signing-config=false", "--tlog-upload=false"]


def cosign(version: str, folder: Path, *words: str) -> Done:
    """Run cosign with everything that it might ask the network for out of reach."""
    nothing = folder / "tuf"
    nothing.mkdir(exist_ok=True)
    return execute(
        folder,
        peer(f"cosign-{version}"),
        *words,
        COSIGN_PASSWORD=PASSWORD,
        TUF_ROOT=str(nothing),
        TUF_MIRROR=str(nothing),
    )


def verify_arguments(version: str, folder: Path, key: str) -> list[str]:
    arguments = ["--key", key, "--insecure-ignore-tlog=true"]
    if version == "v2":  # 2.6 wants a trusted root for bundles, whatever is in it
        root = folder / "root.json"
        root.write_text('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
        arguments += ["--new-bundle-format=true", "--trusted-root", str(root)]
    return arguments


@pytest.fixture
def published(tmp_path: Path, address: str) -> Publication:
    return publish(tmp_path, address)


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_cosign_verifies_our_signature_and_no_other_key_does(published: Publication, version: str) -> None:
    folder, reference = published.folder, published.reference
    good = cosign(version, folder, "verify", *verify_arguments(version, folder, "bank.pub"), reference)
    assert good.code == 0, good.out
    bad = cosign(version, folder, "verify", *verify_arguments(version, folder, "stranger.pub"), reference)
    assert bad.code != 0, bad.out
    raw = published.pushed.artifacts[0].publication.artifact.manifest.digest
    sibling = f"{published.pushed.repository}@{raw}"
    assert cosign(version, folder, "verify", *verify_arguments(version, folder, "bank.pub"), sibling).code == 0


def test_cosign_sees_the_package_and_version_that_were_signed(published: Publication) -> None:
    folder, reference = published.folder, published.reference
    arguments = verify_arguments("v3", folder, "bank.pub")
    assert cosign("v3", folder, "verify", *arguments, "-a", "dev.wpkg.version=0.1.0", reference).code == 0
    assert cosign("v3", folder, "verify", *arguments, "-a", "dev.wpkg.version=0.2.0", reference).code != 0


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_cosign_verifies_our_provenance_and_bill_of_materials(published: Publication, version: str) -> None:
    folder, reference = published.folder, published.reference
    arguments = verify_arguments(version, folder, "bank.pub")
    for attached in ("slsaprovenance1", "cyclonedx"):
        done = cosign(version, folder, "verify-attestation", *arguments, "--type", attached, reference)
        assert done.code == 0, done.out
    other = cosign(version, folder, "verify-attestation", *arguments, "--type", "spdxjson", reference)
    assert other.code != 0, other.out


def test_we_verify_what_cosign_signs_and_attests(tmp_path: Path, address: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    folder, reference = published.folder, published.reference
    key = folder / "bank.key"
    key.write_bytes(write_key_file(published.key, PASSWORD.encode(), published.company.world().random_bytes))
    world, keys = published.company.world("consumer"), [folder / "bank.pub"]
    with pytest.raises(NotTrusted, match="is not signed"):
        verify(world, folder, reference, keys)
    assert cosign("v3", folder, "sign", "--key", str(key), *OFFLINE_SIGNING, reference).code == 0
    with pytest.raises(NotTrusted, match="has attested what it was composed of"):
        verify(world, folder, reference, keys)
    (folder / "predicate.json").write_text(json.dumps({"buildDefinition": {"resolvedDependencies": []}}))
    attested = cosign(
        "v3", folder, "attest", "--key", str(key), *OFFLINE_SIGNING, "--type", "slsaprovenance1",
        "--predicate", "predicate.json", reference,
    )  # fmt: skip
    assert attested.code == 0, attested.out
    verified = verify(world, folder, reference, keys)
    assert verified.verification.state == "verified"
    assert SLSA_PROVENANCE in verified.verification.attestations
    with pytest.raises(NotTrusted):
        verify(world, folder, reference, [folder / "stranger.pub"])


def publish_as_others_do(published: Publication, name: str) -> str:
    """A component whose config does not say which package it is; its digest reference."""
    beside = published.pushed.repository
    repository = Repository(beside.registry, f"{beside.path.rpartition('/')[0]}/{name}")
    data = component(HARNESS)
    layer = Descriptor.of(WASM_LAYER, data)
    artifact = build_artifact(layer, WasmConfig(None, (), ()))
    client = published.company.registry
    client.push_blob(repository, layer, lambda: io.BytesIO(data))
    client.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    client.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, "1.0.0")
    return f"{repository}@{artifact.manifest.digest}"


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_what_cosign_signs_is_a_package_where_it_is_told_which(tmp_path: Path, address: str, form: str) -> None:
    """By itself `cosign sign` signs a digest; whatever else that key signed could be served under the name."""
    published = publish(tmp_path, address)
    key = published.folder / "bank.key"
    key.write_bytes(write_key_file(published.key, PASSWORD.encode(), published.company.world().random_bytes))
    options = [
        "--key",
        str(key),
        *OFFLINE_SIGNING,
        f"--new-bundle-format={'true' if form == 'bundle' else 'false'}",
    ]
    reference = publish_as_others_do(published, "foreign")
    world, keys = published.company.world("consumer"), [published.folder / "bank.pub"]
    assert cosign("v3", published.folder, "sign", *options, reference).code == 0
    assert verify(world, published.root, reference, keys).verification.state == "verified"
    with pytest.raises(NotTrusted, match=r"'bank.pub' signed it without dev\.wpkg\.package"):
        verify(world, published.root, "pay:foreign@1.0.0", keys)
    named = ["-a", "dev.wpkg.package=pay:foreign", "-a", "dev.wpkg.version=1.0.0"]
    assert cosign("v3", published.folder, "sign", *options, *named, reference).code == 0
    assert verify(world, published.root, "pay:foreign@1.0.0", keys).verification.state == "verified"


def test_cosign_calls_predicates_by_the_names_that_we_do(tmp_path: Path, shim: str) -> None:
    published = publish(tmp_path, shim)
    (published.folder / "link.json").write_text('{"name": "build"}')
    attest(
        published.company.world(), published.root, published.reference, published.key, "link",
        published.folder / "link.json",
    )  # fmt: skip
    arguments = verify_arguments("v3", published.folder, "bank.pub")
    for name, good in (("link", True), ("openvex", False)):
        done = cosign(
            "v3", published.folder, "verify-attestation", *arguments, "--type", name, published.reference
        )
        assert (done.code == 0) is good, done.out


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_keys_of_either_side_work_on_the_other(tmp_path: Path, version: str) -> None:
    made = cosign(version, tmp_path, "generate-key-pair", "--output-key-prefix", "theirs")
    assert made.code == 0, made.out
    theirs = read_key_file((tmp_path / "theirs.key").read_bytes(), PASSWORD.encode())
    assert theirs.public.pem == (tmp_path / "theirs.pub").read_bytes()
    (tmp_path / "ours.key").write_bytes(write_key_file(theirs, PASSWORD.encode(), lambda count: b"r" * count))
    shown = cosign(version, tmp_path, "public-key", "--key", "ours.key", "--outfile", "shown.pub")
    assert shown.code == 0, shown.out
    assert (tmp_path / "shown.pub").read_bytes() == theirs.public.pem


def test_the_fallback_index_is_shared_with_cosign(tmp_path: Path, docker_registry: str) -> None:
    """On a registry without the referrers API each side keeps what the other has entered."""
    published = publish(tmp_path, docker_registry)
    folder, reference = published.folder, published.reference
    cosign("v3", folder, "generate-key-pair", "--output-key-prefix", "theirs")
    assert cosign("v3", folder, "sign", "--key", "theirs.key", *OFFLINE_SIGNING, reference).code == 0
    world = published.company.world("consumer")
    for key in ("bank.pub", "theirs.pub"):
        assert cosign("v3", folder, "verify", *verify_arguments("v3", folder, key), reference).code == 0
        assert verify(world, folder, reference, [folder / "bank.pub"]).verification.state == "verified"
    from wpkg.workflow.push import push

    push(published.company.world(), published.root, published.company.bank_key)
    assert cosign("v3", folder, "verify", *verify_arguments("v3", folder, "theirs.pub"), reference).code == 0
