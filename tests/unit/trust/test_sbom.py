"""Bills of materials: valid CycloneDX 1.6, the same for the same composition, with the crates of each input."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from wpkg.component.custom_sections import find_custom_sections, read_producers
from wpkg.component.errors import MalformedComponent
from wpkg.component.sections import COMPONENT_PREAMBLE, MODULE_PREAMBLE, leb, section
from wpkg.documents.strict_json import InvalidJson, dump_json
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.trust.provenance import ComposeInput, Connection, Source
from wpkg.trust.sbom import MAX_CRATES_SIZE, Composition, Crate, describe_composition, read_crates

ROOT = ComposeInput("acme:root", "root", Digest.of(b"root"), Version.parse("1.0.0"))
AUTH = ComposeInput(
    "acme:auth",
    "component",
    Digest.of(b"auth"),
    Version.parse("1.2.0"),
    Source(Repository("ghcr.io", "acme/acme/auth"), Digest.of(b"manifest"), "1.2.0"),
)
PLAN = [Connection("acme:root", "acme:auth/check@1.0.0", "acme:auth", "acme:auth/check@1.2.0")]
CRATES = {"acme:auth": [Crate("serde", "1.0.0", "crates.io"), Crate("serde", "1.0.0", "git")]}


def described(inputs: list[ComposeInput] | None = None, timestamp: str | None = None) -> dict[str, Any]:
    composition = Composition(
        PackageName.parse("acme:shop"),
        Version.parse("2.0.0"),
        Digest.of(b"shop"),
        inputs or [ROOT, AUTH],
        PLAN,
        CRATES,
    )
    return describe_composition(composition, "0.1.0", timestamp)


def faults(document: dict[str, Any]) -> object:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


@pytest.mark.parametrize("timestamp", [None, "2026-11-26T00:00:00Z"])
def test_it_is_valid(timestamp: str | None) -> None:
    document = described(timestamp=timestamp)
    assert faults(document) is None
    assert document["metadata"].get("timestamp") == timestamp
    document["components"][0]["type"] = "plug"
    assert faults(document) is not None


def test_the_order_of_inputs_does_not_matter() -> None:
    assert dump_json(described([AUTH, ROOT])) == dump_json(described([ROOT, AUTH]))


def test_inputs_edges_and_crates_are_in_it() -> None:
    document = described()
    auth, root = document["components"]
    assert auth["hashes"] == [{"alg": "SHA-256", "content": Digest.of(b"auth").encoded}]
    assert auth["purl"].startswith("pkg:oci/auth@sha256:")
    assert [crate.get("purl") for crate in auth["components"]] == ["pkg:cargo/serde@1.0.0", None]
    assert {"name": "wpkg:wit:export", "value": "acme:auth/check@1.2.0"} in auth["properties"]
    assert {"name": "wpkg:wit:import", "value": "acme:auth/check@1.0.0"} in root["properties"]
    assert "purl" not in root
    edges = {edge["ref"]: edge["dependsOn"] for edge in document["dependencies"]}
    assert edges == {
        "acme:shop@2.0.0": sorted([auth["bom-ref"], root["bom-ref"]]),
        auth["bom-ref"]: [],
        root["bom-ref"]: [auth["bom-ref"]],
    }
    assert [item["aggregate"] for item in document["compositions"]] == ["complete", "incomplete"]


def compressed(*packages: dict[str, Any]) -> bytes:
    return zlib.compress(dump_json({"packages": list(packages)}))


def package(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1.0.0", "source": "crates.io", **more}


def test_crates_are_read_without_those_that_only_built() -> None:
    data = compressed(package("b"), package("a", kind="runtime", root=True), package("cc", kind="build"))
    assert [crate.name for crate in read_crates(data)] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "cut off"),
        (b"not zlib", "not compressed"),
        (compressed(package("a"))[:-3], "cut off"),
        (zlib.compress(b"[]"), "not a JSON object"),
        (zlib.compress(b'{"packages":[{"name":1}]}'), "packages"),
        (zlib.compress(b" " * (MAX_CRATES_SIZE + 1)), "more than 2097152 bytes"),
    ],
)
def test_what_is_no_list_of_crates_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(InvalidJson, match=fault):
        read_crates(data)


def custom(name: str, data: bytes) -> bytes:
    return section(0, leb(len(name)) + name.encode() + data)


def test_custom_sections_are_found_at_every_depth() -> None:
    module = MODULE_PREAMBLE + custom("x", b"in a module") + custom("y", b"another") + section(1, b"\0")
    nested = COMPONENT_PREAMBLE + section(1, module) + custom("x", b"nested")
    data = COMPONENT_PREAMBLE + custom("x", b"first") + section(4, nested) + section(1, module)
    found = [bytes(item) for item in find_custom_sections(memoryview(data), "x")]
    assert found == [b"first", b"in a module", b"nested", b"in a module"]


def producers(*fields: tuple[str, list[tuple[str, str]]]) -> bytes:
    def text(value: str) -> bytes:
        return leb(len(value)) + value.encode()

    body = leb(len(fields))
    for name, values in fields:
        body += text(name) + leb(len(values)) + b"".join(text(tool) + text(version) for tool, version in values)
    return body


def test_tools_are_those_of_all_parts_without_languages() -> None:
    first = producers(("language", [("Rust", "")]), ("processed-by", [("rustc", "1.90.0")]))
    second = producers(("processed-by", [("rustc", "1.91.0"), ("wit-component", "0.262.0")]))
    data = (
        COMPONENT_PREAMBLE + section(1, MODULE_PREAMBLE + custom("producers", first)) + custom("producers", second)
    )
    assert read_producers(memoryview(data)) == {"rustc": "1.90.0, 1.91.0", "wit-component": "0.262.0"}


@pytest.mark.parametrize("length", range(1, 40))
def test_producers_that_are_cut_off_are_malformed(length: int) -> None:
    whole = producers(("processed-by", [("rustc", "1.90.0"), ("wit-component", "0.262.0")]))
    assert length < len(whole)
    data = COMPONENT_PREAMBLE + custom("producers", whole[:length])
    with pytest.raises(MalformedComponent):
        read_producers(memoryview(data))


def test_a_module_that_is_cut_off_inside_is_malformed() -> None:
    data = COMPONENT_PREAMBLE + section(1, MODULE_PREAMBLE + b"\0\x10ab")
    with pytest.raises(MalformedComponent, match="ends beyond the file"):
        list(find_custom_sections(memoryview(data), "x"))
