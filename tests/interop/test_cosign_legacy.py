"""Signatures under the `.sig` tag: cosign reads ours, we read cosign's, and both keep what the other wrote."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.fakes.world import Chance
from tests.interop.conftest import Publication, execute, publish
from tests.interop.test_cosign import OFFLINE_SIGNING, PASSWORD, cosign
from wpkg.errors import NotTrusted
from wpkg.oci.manifest import Manifest, read_manifest
from wpkg.oci.reference import Reference
from wpkg.registry.client import RegistryClient
from wpkg.trust.keyfile import write_key_file
from wpkg.trust.keys import PrivateKey
from wpkg.trust.legacy import SIGNATURE_ANNOTATION, legacy_tag
from wpkg.workflow.sign import sign
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop


def harness(published: Publication) -> str:
    """The reference of a component that is not composed, unsigned by the bank."""
    reference = (
        f"{published.pushed.repository}@{published.pushed.artifacts[0].publication.artifact.manifest.digest}"
    )
    assert published.pushed.artifacts[0].publication.record.kind == "raw"
    return reference


def under_tag(reference: str) -> tuple[Manifest, list[bytes]]:
    """What is under the `.sig` tag of an artifact: the manifest and its payloads."""
    parsed, client = Reference.parse(reference), RegistryClient()
    assert parsed.digest is not None
    fetched = client.fetch_manifest(parsed.repository.at(tag=legacy_tag(parsed.digest)))
    manifest = read_manifest(fetched.data)
    assert isinstance(manifest, Manifest)
    return manifest, [client.fetch_blob(parsed.repository, layer) for layer in manifest.layers]


def legacy_arguments(key: str) -> list[str]:
    return ["--key", key, "--insecure-ignore-tlog=true", "--new-bundle-format=false"]


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_cosign_verifies_our_sig_tag_and_no_other_key_or_version(
    tmp_path: Path, address: str, version: str
) -> None:
    """2.6.4 looks at a bundle where there is one, whatever it is told; so there is none."""
    published = publish(tmp_path, address, unsigned=True)
    folder, reference = published.folder, published.reference
    sign(published.company.world(), folder, reference, published.key, ("legacy",))
    ours, theirs = legacy_arguments("bank.pub"), legacy_arguments("stranger.pub")
    good = cosign(version, folder, "verify", *ours, "-a", "dev.wpkg.version=0.1.0", reference)
    assert good.code == 0, good.out
    assert cosign(version, folder, "verify", *theirs, reference).code != 0
    assert cosign(version, folder, "verify", *ours, "-a", "dev.wpkg.version=0.2.0", reference).code != 0


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_we_verify_the_sig_tag_that_cosign_writes(tmp_path: Path, address: str, version: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    folder, reference = published.folder, harness(published)
    (folder / "bank.key").write_bytes(write_key_file(published.key, PASSWORD.encode(), Chance()))
    world = published.company.world("consumer")
    with pytest.raises(NotTrusted, match="is not signed"):
        verify(world, folder, reference, [folder / "bank.pub"])
    arguments = ["--key", "bank.key", *OFFLINE_SIGNING]
    for options in ([], ["-a", "build=7"]):
        signed = cosign(version, folder, "sign", *arguments, *options, "--new-bundle-format=false", reference)
        assert signed.code == 0, signed.out
        found = verify(world, folder, reference, [folder / "bank.pub"]).verification
        assert found.state == "verified"
        assert all("under the .sig tag" in finding.reason for finding in found.findings)
    with pytest.raises(NotTrusted, match="a key that the rule does not name"):
        verify(world, folder, reference, [folder / "stranger.pub"])


def test_each_side_adds_to_what_the_other_has_signed(tmp_path: Path, address: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    folder, reference, world = published.folder, harness(published), published.company.world()
    cosign("v3", folder, "generate-key-pair", "--output-key-prefix", "theirs")
    arguments = ["--key", "theirs.key", *OFFLINE_SIGNING, "--new-bundle-format=false"]
    sign(world, folder, reference, published.key, ("legacy",))
    assert cosign("v3", folder, "sign", *arguments, reference).code == 0
    sign(world, folder, reference, published.company.stranger_key, ("legacy",))
    manifest, _ = under_tag(reference)
    assert len(manifest.layers) == 3
    for key in ("bank.pub", "theirs.pub", "stranger.pub"):
        done = cosign("v3", folder, "verify", *legacy_arguments(key), reference)
        assert done.code == 0, done.out
        assert verify(world, folder, reference, [folder / key]).verification.state == "verified"


def test_signing_twice_leaves_one_signature_of_each_format(tmp_path: Path, address: str) -> None:
    published = publish(tmp_path, address, unsigned=True)
    folder, reference, world = published.folder, harness(published), published.company.world()
    sign(world, folder, reference, published.key)
    sign(world, folder, reference, published.key)
    manifest, _ = under_tag(reference)
    assert len(manifest.layers) == 1
    parsed = Reference.parse(reference)
    assert parsed.digest is not None
    assert len(RegistryClient().list_referrers(parsed.repository, parsed.digest)) == 1


def test_signatures_of_many_at_once_all_stay(tmp_path: Path, shim: str) -> None:
    published = publish(tmp_path, shim, unsigned=True)
    reference = harness(published)
    keys = [PrivateKey.generate(Chance(f"signer {n}")) for n in range(4)]

    def sign_as(key: PrivateKey) -> None:
        world = published.company.world(f"signer-{key.public.hint[:4].replace('/', '-')}")
        world = type(world)(RegistryClient(), world.cache, {}, Chance(key.public.hint), world.run, world.reporter)
        sign(world, tmp_path, reference, key, ("legacy",))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(sign_as, keys))
    manifest, _ = under_tag(reference)
    assert len(manifest.layers) == 4


def test_cosign_3_is_told_to_read_the_sig_tag_beside_a_bundle_and_2_6_is_not(tmp_path: Path, shim: str) -> None:
    published = publish(tmp_path, shim)
    arguments = legacy_arguments("bank.pub")
    assert cosign("v3", tmp_path, "verify", *arguments, published.reference).code == 0
    done = cosign("v2", tmp_path, "verify", *arguments, published.reference)
    assert (done.code, "trusted root is required when using new bundle format" in done.out) == (1, True)


def test_openssl_verifies_our_sig_tag(tmp_path: Path, shim: str) -> None:
    published = publish(tmp_path, shim)
    manifest, (payload,) = under_tag(published.reference)
    (tmp_path / "payload").write_bytes(payload)
    signature = base64.b64decode(manifest.layers[0].annotations[SIGNATURE_ANNOTATION])
    (tmp_path / "signature").write_bytes(signature)
    command = ["openssl", "dgst", "-sha256", "-verify", "bank.pub", "-signature", "signature", "payload"]
    assert execute(tmp_path, *command).code == 0
    (tmp_path / "payload").write_bytes(payload.replace(b"0.1.0", b"0.1.1"))
    assert execute(tmp_path, *command).code != 0


def test_our_payload_and_config_are_those_of_cosign(tmp_path: Path, shim: str) -> None:
    """The same claim, byte for byte; and a config of the same members."""
    published = publish(tmp_path, shim, unsigned=True)
    folder, reference = published.folder, harness(published)
    (folder / "bank.key").write_bytes(write_key_file(published.key, PASSWORD.encode(), Chance()))
    parsed, client = Reference.parse(reference), RegistryClient()
    assert parsed.digest is not None
    signatures = parsed.repository.at(tag=legacy_tag(parsed.digest))
    arguments = ["--key", "bank.key", *OFFLINE_SIGNING, "--new-bundle-format=false"]
    arguments += ["--sign-container-identity", f"{parsed.repository}:0.1.0_raw"]
    for name, value in (("kind", "raw"), ("package", "pay:validator"), ("version", "0.1.0")):
        arguments += ["-a", f"dev.wpkg.{name}={value}"]
    assert cosign("v3", folder, "sign", *arguments, reference).code == 0
    theirs, (payload,) = under_tag(reference)
    config = client.fetch_blob(parsed.repository, theirs.config)
    sign(published.company.world(), folder, reference, published.key, ("legacy",))
    both, payloads = under_tag(reference)
    assert payloads == [payload, payload]
    extended = json.loads(client.fetch_blob(parsed.repository, both.config))
    assert extended["history"] == json.loads(config)["history"] * 2
    assert extended["rootfs"]["diff_ids"] == [str(layer.digest) for layer in both.layers]
    assert client.resolve(signatures) is not None
