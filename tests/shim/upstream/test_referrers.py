"""A mirror has the referrers that its upstream has, by whatever way they are told."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.fakes import fault_proxy as faults
from tests.shim.upstream.conftest import TTL, Clock
from tests.shim.wire import (
    EMPTY_JSON,
    InProcessClient,
    push_manifest,
)
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.reference import Repository
from wpkg.oci.referrers import referrers_tag
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from tests.fakes.fault_proxy import FaultProxy
    from tests.shim.wire import SocketClient


class TestReferrers:
    @pytest.mark.parametrize("has_api", [True, False])
    def test_are_fetched_and_filtered(
        self, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock, *, has_api: bool
    ) -> None:
        """From the API, and from the index under the referrers tag where there is none."""
        if not has_api:
            proxy.on(".*", "/v2/", faults.without_referrers)
        client, repository = RegistryClient(), Repository.parse(f"{proxy.address}/{name}")
        through = PushThroughClient(client, repository)
        subject = through.manifest({"is": "the subject"})
        kinds = {kind: through.manifest({"of": kind}, subject, kind) for kind in ("a/sbom", "a/signature")}
        answer = mirror.send("GET", f"/v2/m/{name}/referrers/{subject.digest}")
        found = {item["artifactType"]: item for item in answer.json["manifests"]}
        assert {kind: item["digest"] for kind, item in found.items()} == {
            kind: str(descriptor.digest) for kind, descriptor in kinds.items()
        }
        assert found["a/sbom"]["annotations"] == {"of": "a/sbom"}
        filtered = mirror.send("GET", f"/v2/m/{name}/referrers/{subject.digest}?artifactType=a/sbom")
        assert [item["artifactType"] for item in filtered.json["manifests"]] == ["a/sbom"]
        assert filtered.headers["oci-filters-applied"] == "artifactType"
        if not has_api:
            index = mirror.send("GET", f"/v2/m/{name}/manifests/{referrers_tag(subject.digest)}")
            assert len(index.json["manifests"]) == 2
        clock.now += TTL
        added = through.manifest({}, subject, "a/third")
        answer = mirror.send("GET", f"/v2/m/{name}/referrers/{subject.digest}")
        assert str(added.digest) in {item["digest"] for item in answer.json["manifests"]}

    def test_one_that_is_gone_upstream_is_gone(
        self, upstream: SocketClient, mirror: InProcessClient, name: str, clock: Clock
    ) -> None:
        subject = push_manifest(upstream, name, "v1")
        kept = push_manifest(upstream, name, subject=subject.descriptor, artifact_type="a/kept")
        gone = push_manifest(upstream, name, subject=subject.descriptor, artifact_type="a/gone")
        target = f"/v2/m/{name}/referrers/{subject.digest}"
        assert len(mirror.send("GET", target).json["manifests"]) == 2
        assert upstream.send("DELETE", f"/v2/{name}/manifests/{gone.digest}").status == 202
        clock.now += TTL
        assert [item["digest"] for item in mirror.send("GET", target).json["manifests"]] == [kept.digest]

    def test_what_refers_to_something_else_is_not_listed(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str
    ) -> None:
        """Whatever a registry says: the manifest says what it refers to."""
        subject = push_manifest(upstream, name, "v1")
        other = push_manifest(upstream, name, annotations={"is": "no referrer"})
        lie = Index((other.descriptor,)).encode()
        headers = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
        proxy.on("GET", "/referrers/", lambda _request, _forward: faults.Reply(200, headers, lie))
        answer = mirror.send("GET", f"/v2/m/{name}/referrers/{subject.digest}")
        assert (answer.status, answer.json["manifests"]) == (200, [])


class PushThroughClient:
    """Pushes as wpkg does, which lists referrers where a registry does not."""

    def __init__(self, client: RegistryClient, repository: Repository) -> None:
        self._client = client
        self._repository = repository

    def manifest(
        self, annotations: dict[str, str], subject: Descriptor | None = None, kind: str | None = None
    ) -> Descriptor:
        self._client.push_blob(self._repository, EMPTY_JSON, lambda: io.BytesIO(b"{}"))
        data = Manifest(EMPTY_JSON, (), subject, kind, annotations).encode()
        self._client.push_manifest(self._repository, data, IMAGE_MANIFEST)
        return Descriptor.of(IMAGE_MANIFEST, data)
