"""What the official suite pushes and reads back: blobs, manifests that name them, tags."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wpkg.oci.digest import Digest
from wpkg.oci.manifest import EMPTY_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = f"{LAYER}+gzip"
FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
DATA = "application/octet-stream"

LARGE_ANNOTATIONS = 390  # of 10,000 bytes each, just below the 4 MB that every registry should take
ANNOTATION_LENGTH = 10_000


@dataclass
class Document:
    """A manifest to be pushed."""

    data: bytes
    media_type: str
    digest: Digest

    @property
    def members(self) -> Json:
        members: Json = json.loads(self.data)
        return members

    @property
    def descriptor(self) -> Json:
        return {"mediaType": self.media_type, "digest": str(self.digest), "size": len(self.data)}

    def as_referrer(self) -> Json:
        """How the referrers API lists it (distribution-spec v1.1.1, "Listing Referrers")."""
        config = self.members.get("config", {}).get("mediaType")
        kind = self.members.get("artifactType") or config
        notes = self.members.get("annotations")
        return {
            **self.descriptor,
            **({"artifactType": kind} if kind else {}),
            **({"annotations": notes} if notes else {}),
        }


@dataclass
class DataSet:
    """Contents in the order in which they are pushed."""

    algorithm: str = "sha256"
    with_tag_parameters: bool = False  # the tags come with the manifest's digest
    has_wrong_digests: bool = False  # nothing of it may be taken
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: list[Document] = field(default_factory=list)
    tags: dict[str, Document] = field(default_factory=dict)

    def digest(self, data: bytes) -> Digest:
        return Digest.of(b"not " + data if self.has_wrong_digests else data, self.algorithm)

    def blob(self, media_type: str, data: bytes, *, is_pushed: bool = True, **members: Any) -> Json:
        """The descriptor of a blob of the set."""
        if is_pushed:
            self.blobs[self.digest(data)] = data
        return {"mediaType": media_type, "digest": str(self.digest(data)), "size": len(data), **members}

    def layer(self, number: int, **options: Any) -> Json:
        data = gzip.compress(f"layer {number}".encode(), mtime=0)
        return self.blob(LAYER_GZIP, data, **options)

    def empty(self) -> Json:
        return self.blob(EMPTY_CONFIG, b"{}")

    def config(self, platform: str = "amd64") -> Json:
        return self.blob(CONFIG, json.dumps({"architecture": platform, "os": "linux"}).encode())

    def manifest(self, tag: str | None = None, media_type: str = IMAGE_MANIFEST, **members: Any) -> Document:
        data = json.dumps({"schemaVersion": 2, "mediaType": media_type, **members}).encode()
        document = Document(data, media_type, self.digest(data))
        self.manifests.append(document)
        if tag is not None:
            self.tags[tag] = document
        return document

    def image(self, tag: str | None = None, platform: str = "amd64", **members: Any) -> Document:
        layers = [self.layer(1), self.layer(2)]
        return self.manifest(tag, **{"config": self.config(platform), "layers": layers, **members})

    def artifact(self, tag: str | None = None, kind: str = "application/vnd.example", **members: Any) -> Document:
        layers = [self.blob(DATA, f"of {kind}".encode())]
        return self.manifest(tag, **{"artifactType": kind, "config": self.empty(), "layers": layers, **members})

    def index(self, tag: str | None, *children: Document, **members: Any) -> Document:
        listed = [child.descriptor for child in children]
        return self.manifest(tag, IMAGE_INDEX, **{"manifests": listed, **members})

    def platforms(self, tag: str | None, **members: Any) -> Document:
        return self.index(tag, self.image(None, "amd64"), self.image(None, "arm64"), **members)


def image(algorithm: str = "sha256", *, has_wrong_digests: bool = False) -> DataSet:
    found = DataSet(algorithm, has_wrong_digests=has_wrong_digests)
    found.image("image" if algorithm == "sha256" else None)  # a tag is pushed as sha256
    return found


def image_uncompressed() -> DataSet:
    found = DataSet()
    found.image("plain", layers=[found.blob(LAYER, b"layer 1"), found.blob(LAYER, b"layer 2")])
    return found


def large_manifest() -> DataSet:
    found = DataSet()
    notes = {f"number-{number}": "x" * ANNOTATION_LENGTH for number in range(LARGE_ANNOTATIONS)}
    found.image("large", annotations=notes)
    return found


def index() -> DataSet:
    found = DataSet()
    found.platforms("index")
    return found


def nested_index() -> DataSet:
    found = DataSet()
    inner = found.platforms("inner")
    found.index("outer", inner, found.index(None, inner))
    return found


def empty_index() -> DataSet:
    found = DataSet()
    found.index("empty")
    return found


def artifact() -> DataSet:
    found = DataSet()
    found.artifact("artifact")
    return found


def artifact_index() -> DataSet:
    found = DataSet()
    found.index("index", found.artifact(None, "a/one"), found.artifact(None, "a/two"), artifactType="a/both")
    return found


def artifact_without_layers() -> DataSet:
    found = DataSet()
    found.artifact("artifact", layers=[found.empty()])
    return found


def artifacts_with_subject() -> DataSet:
    found = DataSet()
    subject = found.image("image").descriptor
    found.artifact(None, "a/signature", subject=subject, annotations={"of": "the image"})
    found.artifact("tagged", "a/sbom", subject=subject)
    found.image(None, "arm64", subject=subject)  # its config says what it is
    return found


def index_with_subject() -> DataSet:
    found = DataSet()
    subject = found.image("image").descriptor
    child = found.artifact(None, "a/child")
    found.index(None, child, subject=subject, artifactType="a/index", annotations={"of": "the image"})
    found.index(None, subject=subject)  # of no type
    return found


def missing_subject() -> DataSet:
    found = DataSet()
    subject = found.blob(IMAGE_MANIFEST, b"nobody pushes this", is_pushed=False)
    found.artifact("artifact", "a/signature", subject=subject)
    return found


def data_field() -> DataSet:
    found = DataSet()
    content = b"some data"
    embedded = base64.b64encode(content).decode()
    found.artifact("artifact", layers=[{**found.blob(DATA, content), "data": embedded}])
    return found


def non_distributable_layers() -> DataSet:
    found = DataSet()
    foreign = found.blob(FOREIGN_LAYER, b"of somebody else", is_pushed=False, urls=["https://example.org/layer"])
    found.image("image", layers=[found.layer(1), foreign])
    return found


def custom_fields() -> DataSet:
    found = DataSet()
    extra: Json = {"org.example.bool": True, "org.example.list": [1.5, "ü", None], "org.example.object": {"a": {}}}
    child = found.image("image", layers=[{**found.layer(1), **extra}], **extra)
    found.index("index", child, **extra)
    return found


def no_layers() -> DataSet:
    found = DataSet()
    found.image("image", layers=[])
    return found


def sparse() -> DataSet:
    found = DataSet()
    here = found.image("image", layers=[found.layer(1), found.layer(2, is_pushed=False)])
    elsewhere = found.blob(IMAGE_MANIFEST, b"nobody pushes this", is_pushed=False)
    found.index("index", manifests=[here.descriptor, elsewhere])
    return found


def tag_parameters(algorithm: str) -> DataSet:
    found = DataSet(algorithm, with_tag_parameters=True)
    document = found.platforms("v1")
    found.tags |= dict.fromkeys((f"v1.{number}" for number in range(10)), document)
    found.tags["amd64"] = found.manifests[0]
    return found


DATA_SETS: dict[str, Callable[[], DataSet]] = {
    "image": image,
    "image-uncompressed": image_uncompressed,
    "large-manifest": large_manifest,
    "index": index,
    "nested-index": nested_index,
    "empty-index": empty_index,
    "artifact": artifact,
    "artifact-index": artifact_index,
    "artifact-without-layers": artifact_without_layers,
    "artifacts-with-subject": artifacts_with_subject,
    "index-with-subject": index_with_subject,
    "missing-subject": missing_subject,
    "data-field": data_field,
    "non-distributable-layers": non_distributable_layers,
    "custom-fields": custom_fields,
    "no-layers": no_layers,
    "sparse": sparse,
    "sha512": lambda: image("sha512"),
    "tag-param sha256": lambda: tag_parameters("sha256"),
    "tag-param sha512": lambda: tag_parameters("sha512"),
}
