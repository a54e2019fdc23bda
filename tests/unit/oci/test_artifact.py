from __future__ import annotations

import json

import pytest

from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.artifact import (
    LEGACY_WASM_LAYERS,
    WASM_CONFIG,
    WASM_LAYER,
    NotAWasmArtifact,
    PackageRecord,
    PublishedDependency,
    WasmConfig,
    build_artifact,
    read_config,
    wasm_layer,
)
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST, Index, Manifest, read_manifest

COMPONENT = Descriptor.of(WASM_LAYER, b"component", {"org.opencontainers.image.title": "app.wasm"})
RECORD = PackageRecord(
    PackageName("acme", "app"),
    Version.parse("1.2.3+b"),
    "composed",
    (
        PublishedDependency(PackageName("acme", "z"), Requirement.parse("^1"), "runtime"),
        PublishedDependency(PackageName("acme", "b"), Requirement.parse("*")),
    ),
    Digest.of(b"raw"),
)
CONFIG = WasmConfig(RECORD, ("wasi:io/poll@0.2.9", "run"), ("acme:app/api",))


def test_layout_is_the_one_that_wash_and_wkg_read() -> None:
    artifact = build_artifact(COMPONENT, CONFIG, [("k", "v")])
    manifest = json.loads(artifact.manifest_bytes)
    config = json.loads(artifact.config_bytes)
    assert manifest["mediaType"] == IMAGE_MANIFEST
    assert manifest["config"]["mediaType"] == WASM_CONFIG
    assert [layer["mediaType"] for layer in manifest["layers"]] == [WASM_LAYER]
    assert "artifactType" not in manifest
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert (config["architecture"], config["os"]) == ("wasm", "wasip2")
    assert config["layerDigests"] == [str(COMPONENT.digest)]
    assert config["component"] == {"exports": ["acme:app/api"], "imports": ["wasi:io/poll@0.2.9", "run"]}
    assert config["wpkg"]["dependencies"][0]["name"] == "acme:b"


def test_the_same_arguments_give_the_same_digest() -> None:
    again = build_artifact(COMPONENT, CONFIG, [("k", "v")])
    assert build_artifact(COMPONENT, CONFIG, [("k", "v")]) == again
    other = build_artifact(COMPONENT, CONFIG, [("k", "v")], created="2026-01-01T00:00:00Z")
    assert other.manifest.digest != again.manifest.digest


def test_config_reads_back() -> None:
    found = read_config(CONFIG.encode(COMPONENT.digest))
    assert found.imports == CONFIG.imports
    assert found.record is not None
    assert found.record.to_json() == RECORD.to_json()


@pytest.mark.parametrize(
    "wpkg",
    [
        {},
        {"package": "x", "version": "1.0.0", "kind": "component"},
        {"package": "a:b", "version": "1", "kind": "component"},
        {"package": "a:b", "version": "1.0.0", "kind": "future"},
        {"package": "a:b", "version": "1.0.0", "kind": "wit", "dependencies": [{"name": "a:c"}]},
        {"package": "a:b", "version": "1.0.0", "kind": "wit", "raw": "x"},
        "text",
    ],
)
def test_a_malformed_record_is_refused(wpkg: object) -> None:
    with pytest.raises(NotAWasmArtifact):
        read_config(json.dumps({"created": "", "wpkg": wpkg}).encode())


def test_what_others_published_has_no_record() -> None:
    assert read_config(b"{}").record is None
    assert read_config(b'{"component":{"exports":["a"],"imports":[],"target":null}}').exports == ("a",)


@pytest.mark.parametrize("media_type", [WASM_LAYER, *sorted(LEGACY_WASM_LAYERS)])
def test_the_wasm_layer_is_found_by_type(media_type: str) -> None:
    other = Descriptor.of("application/json", b"sbom")
    wasm = Descriptor.of(media_type, b"w")
    assert wasm_layer(Manifest(other, (other, wasm))) == wasm


@pytest.mark.parametrize(
    "manifest",
    [
        Index(()),
        Manifest(COMPONENT, ()),
        Manifest(COMPONENT, (COMPONENT, COMPONENT)),
        Manifest(COMPONENT, (Descriptor.of("text/plain", b""),)),
        Manifest(COMPONENT, (Descriptor(WASM_LAYER, COMPONENT.digest, 1 << 33),)),
    ],
)
def test_what_is_no_wasm_artifact_is_refused(manifest: Manifest | Index) -> None:
    with pytest.raises(NotAWasmArtifact):
        wasm_layer(manifest)


def test_artifact_bytes_are_what_the_descriptors_say() -> None:
    artifact = build_artifact(COMPONENT, CONFIG)
    assert Digest.of(artifact.config_bytes) == artifact.config.digest
    assert Digest.of(artifact.manifest_bytes) == artifact.manifest.digest
    assert isinstance(read_manifest(artifact.manifest_bytes), Manifest)
