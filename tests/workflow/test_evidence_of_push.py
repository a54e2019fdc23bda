"""What is attached to a composed component: complete, valid, and the same each time."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.workflow.conftest import TRUST, Company
from wpkg.component.custom_sections import find_custom_sections
from wpkg.component.sections import leb, section
from wpkg.oci.manifest import read_manifest
from wpkg.trust.sbom import CRATES_SECTION
from wpkg.trust.statement import CYCLONEDX, SLSA_PROVENANCE
from wpkg.workflow.build import build
from wpkg.workflow.push import push
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

DEPENDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'
EPOCH = "1764000000"


def crates(*names: str) -> bytes:
    """A `.dep-v0` section."""
    packages = [{"name": name, "version": "1.0.0", "source": "crates.io"} for name in names]
    data = zlib.compress(json.dumps({"packages": packages}).encode())
    return section(0, leb(len(CRATES_SECTION)) + CRATES_SECTION.encode() + data)


def published(folder: Path) -> tuple[Company, Path]:
    company = Company(folder)
    company.sources["harness"] += crates("tokio", "serde")
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    build(company.world(), root, compose=True)
    push(company.world("author", SOURCE_DATE_EPOCH=EPOCH), root, company.bank_key)
    return company, root


def sbom(company: Company, root: Path) -> Any:
    keys = [company.key_file(company.bank_key, "bank.pub")]
    found = verify(company.world("c"), root, "pay:validator@0.1.0", keys).verification.attestations
    assert len(found[CYCLONEDX]) == len(found[SLSA_PROVENANCE]) == 1
    return found[CYCLONEDX][0].statement.predicate


def test_the_bill_of_materials_is_valid_and_names_every_part_and_crate(tmp_path: Path) -> None:
    company, root = published(tmp_path)
    document = sbom(company, root)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    assert document["metadata"]["timestamp"] == "2025-11-24T16:00:00Z"
    harness, validator = document["components"]
    assert [item["name"] for item in (harness, validator)] == ["pay:harness", "pay:validator"]
    assert [crate["purl"] for crate in harness["components"]] == ["pkg:cargo/serde@1.0.0", "pkg:cargo/tokio@1.0.0"]
    assert "components" not in validator
    edges = {edge["ref"]: edge["dependsOn"] for edge in document["dependencies"]}
    assert edges[harness["bom-ref"]] == [validator["bom-ref"]]


def test_the_list_of_crates_is_still_in_the_composed_component(tmp_path: Path) -> None:
    _, root = published(tmp_path)
    data = memoryview((root / "build" / "validator.composed.wasm").read_bytes())
    assert len(list(find_custom_sections(data, CRATES_SECTION))) == 1


def test_a_malformed_list_of_crates_is_a_warning(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.sources["harness"] += section(0, leb(len(CRATES_SECTION)) + CRATES_SECTION.encode() + b"nonsense")
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    assert "warning: pay:harness: its list of crates cannot be read" in company.notes.warnings[-1]
    assert "components" not in sbom(company, root)["components"][0]


def test_everything_is_the_same_for_two_who_publish_the_same(tmp_path: Path) -> None:
    stored = []
    for name in ("one", "two"):
        company, _ = published(tmp_path / name)
        stored.append({"manifests": set(company.registry.manifests), "blobs": set(company.registry.blobs)})
    assert stored[0] == stored[1]


def test_whoever_looks_around_in_a_registry_sees_what_it_was_composed_of(tmp_path: Path) -> None:
    """As a hint: it is in the manifest, which is signed, and provenance is what proves it."""
    company, _ = published(tmp_path)
    manifest = read_manifest(company.registry.fetch_manifest(company.repository("validator").at(tag="0.1.0")).data)
    harness = company.registry.tags[company.repository("harness"), "0.1.0"]
    assert manifest.annotations["dev.wpkg.buildtype"] == "https://wpkg.dev/buildtypes/compose/v1"
    assert manifest.annotations["dev.wpkg.compose.inputs"] == str(harness)
    raw = read_manifest(company.registry.fetch_manifest(company.repository("validator").at(tag="0.1.0_raw")).data)
    assert "dev.wpkg.buildtype" not in raw.annotations
