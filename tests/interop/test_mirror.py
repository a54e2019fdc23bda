"""Other clients, and wpkg, through a mirror of a registry with and of one without the referrers API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import Publication, execute, peer, publish, python_program
from tests.shim.process import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.interop


@pytest.fixture
def published(tmp_path: Path, address: str) -> Publication:
    return publish(tmp_path, address)


@pytest.fixture
def mirror(tmp_path: Path, address: str) -> Iterator[str]:
    """The address of a mirror that has nothing yet, and calls everything `m/…`."""
    served = Served(tmp_path / "mirror", "--upstream", f"http://{address},m")
    yield served.address.removeprefix("http://")
    assert served.stop() == (0, "", "")


def mirrored(published: Publication, mirror: str, reference: str) -> str:
    return reference.replace(published.pushed.repository.registry, f"{mirror}/m")


def composed(published: Publication) -> bytes:
    return published.pushed.artifacts[-1].publication.path.read_bytes()


def test_crane(published: Publication, mirror: str) -> None:
    crane = peer("crane")
    by_tag = mirrored(published, mirror, f"{published.pushed.repository}:0.1.0")
    artifact = published.pushed.artifacts[-1].publication.artifact
    assert (
        execute(published.folder, crane, "manifest", "--insecure", by_tag).out.encode() == artifact.manifest_bytes
    )
    assert execute(published.folder, crane, "digest", "--insecure", by_tag).out.strip() == str(
        artifact.manifest.digest
    )
    tags = execute(
        published.folder, crane, "ls", "--insecure", mirrored(published, mirror, str(published.pushed.repository))
    )
    assert [tag for tag in tags.out.split() if not tag.startswith("sha256-")] == ["0.1.0", "0.1.0_raw"]
    refused = execute(published.folder, crane, "tag", "--insecure", by_tag, "mine")
    assert refused.code != 0
    assert "UNSUPPORTED" in refused.out


def test_oras(published: Publication, mirror: str) -> None:
    oras = peer("oras")
    reference = mirrored(published, mirror, published.reference)
    done = execute(published.folder, oras, "pull", "--plain-http", "-o", "out", reference)
    assert done.code == 0, done.out
    assert (published.folder / "out" / "validator.wasm").read_bytes() == composed(published)
    found = json.loads(
        execute(published.folder, oras, "discover", "--plain-http", "--format", "json", reference).out
    )
    kinds = {referrer["artifactType"] for referrer in found.get("referrers", found.get("manifests"))}
    assert kinds == {"application/vnd.dev.sigstore.bundle.v0.3+json"}


def test_skopeo(published: Publication, mirror: str) -> None:
    source = f"docker://{mirrored(published, mirror, f'{published.pushed.repository}:0.1.0')}"
    done = execute(
        published.folder, peer("skopeo"), "--insecure-policy", "copy", "--src-tls-verify=false", source, "oci:copy"
    )
    assert done.code == 0, done.out
    index = json.loads((published.folder / "copy" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == published.reference.partition("@")[2]


def test_wpkg_pulls_and_verifies(published: Publication, mirror: str) -> None:
    """The signatures come with it, from the API or from the tag."""
    wpkg = python_program("wpkg")
    reference = mirrored(published, mirror, f"{published.pushed.repository}:0.1.0")
    pulled = execute(published.folder, wpkg, "pull", reference, "-o", "pulled.wasm")
    assert pulled.code == 0, pulled.out
    assert (published.folder / "pulled.wasm").read_bytes() == composed(published)
    verified = execute(published.folder, wpkg, "verify", reference, "--key", "bank.pub")
    assert verified.code == 0, verified.out
    stranger = execute(published.folder, wpkg, "verify", reference, "--key", "stranger.pub")
    assert stranger.code != 0
