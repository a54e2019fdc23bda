from __future__ import annotations

import json

import pytest

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, MalformedManifest, Manifest, read_manifest

BLOB = Descriptor.of("application/wasm", b"x", {"b": "2", "a": "1"})
MANIFEST = Manifest(BLOB, (BLOB, BLOB), subject=BLOB, artifact_type="t/x", annotations={"k": "v"})


def test_manifests_and_indexes_read_back_as_written() -> None:
    assert read_manifest(MANIFEST.encode()) == MANIFEST
    index = Index((BLOB,), {"k": "v"})
    assert read_manifest(index.encode()) == index
    assert read_manifest(index.encode(), IMAGE_INDEX) == index


def test_encoding_is_compact_with_sorted_annotations() -> None:
    data = MANIFEST.encode()
    assert b" " not in data
    assert data.index(b'"a":"1"') < data.index(b'"b":"2"')


def edited(**changes: object) -> bytes:
    document = {**json.loads(MANIFEST.encode()), **changes}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[]", "not an object"),
        (b"<html>", "not JSON"),
        (edited(config=None), "config is missing"),
        (edited(layers=[{}]), r"layers\[0\].mediaType is missing"),
        (edited(layers={}), "layers is not an array"),
        (edited(manifests=[]), "both layers and manifests"),
        (edited(subject={"mediaType": "x", "digest": "sha256:x", "size": 1}), "not a sha256"),
        (edited(annotations={"a": 1}), "annotations is not an object of strings"),
    ],
)
def test_malformed_manifests_are_refused_with_the_place(data: bytes, said: str) -> None:
    with pytest.raises(MalformedManifest, match=said):
        read_manifest(data)


def test_a_manifest_that_the_registry_calls_something_else_is_refused() -> None:
    with pytest.raises(MalformedManifest, match="the registry that it is"):
        read_manifest(MANIFEST.encode(), IMAGE_INDEX)
    assert read_manifest(MANIFEST.encode(), IMAGE_MANIFEST) == MANIFEST


def test_a_manifest_without_media_type_is_read() -> None:
    found = read_manifest(edited(mediaType=None))
    assert isinstance(found, Manifest)
    assert found.media_type == ""
