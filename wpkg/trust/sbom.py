"""CycloneDX 1.6 bills of materials: what a composed component is made of.

The list of composed components is complete; what is inside each of them is not known here, but for crates that
cargo-auditable has recorded in a core module (`.dep-v0`: zlib around JSON). Same arguments, same document: the
serial number is made of the component's digest, there is no time but the one given.
"""

from __future__ import annotations

import uuid
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from wpkg.documents.strict_json import InvalidJson, Members, load_object
from wpkg.names.vocabulary import URI_BASE
from wpkg.oci.artifact import WASM_LAYER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.oci.digest import Digest
    from wpkg.trust.provenance import ComposeInput, Connection

CRATES_SECTION = ".dep-v0"
MAX_CRATES_SIZE = 2 * 1024 * 1024  # bytes when decompressed, as wasm-metadata has it
_SPECIFICATION = "1.6"
_CRATES_IO = "crates.io"


class Crate(Struct, frozen=True, order=True):
    """A Rust crate that was compiled into a component."""

    name: str
    version: str
    source: str  # 'crates.io', 'git', 'local', 'registry', …

    @property
    def purl(self) -> str:
        """The package URL (purl-spec 1.0.1 `types/cargo-definition.json`)."""
        return f"pkg:cargo/{quote(self.name, safe='')}@{quote(self.version, safe='')}"


class Composition(Struct, frozen=True):
    """A composed component and what it is made of."""

    package: PackageName
    version: Version
    component: Digest
    inputs: Sequence[ComposeInput]
    plan: Sequence[Connection]
    crates: Mapping[str, Sequence[Crate]]  # name of an input -> what was compiled into it


def read_crates(section: bytes | memoryview) -> list[Crate]:
    """The crates in a `.dep-v0` section, without those that only built it. Raises: InvalidJson."""
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(section, MAX_CRATES_SIZE + 1)
    except zlib.error as error:
        raise InvalidJson("the list of crates is not compressed with zlib") from error
    if len(data) > MAX_CRATES_SIZE:
        raise InvalidJson(f"the list of crates has more than {MAX_CRATES_SIZE} bytes")
    if not inflate.eof:
        raise InvalidJson("the list of crates is cut off")
    packages = Members(load_object(data)).objects("packages")
    crates = {
        Crate(package.text("name"), package.text("version"), package.text("source"))
        for package in packages
        if package.optional_text("kind") in (None, "runtime")
    }
    return sorted(crates)


def describe_composition(composition: Composition, tool_version: str, timestamp: str | None) -> dict[str, Any]:
    """The bill of materials of a composed component; `timestamp` is RFC 3339."""
    name = str(composition.package)
    own = f"{name}@{composition.version}"
    inputs = sorted(composition.inputs, key=lambda item: item.name)
    refs = {item.name: _ref(item) for item in inputs}
    metadata: dict[str, Any] = {} if timestamp is None else {"timestamp": timestamp}
    metadata["tools"] = {"components": [{"type": "application", "name": "wpkg", "version": tool_version}]}
    metadata["component"] = {
        "type": "application",
        "bom-ref": own,
        "name": name,
        "version": str(composition.version),
        "mime-type": WASM_LAYER,
        "hashes": [_hash(composition.component)],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{URI_BASE}/sbom/{composition.component}')}",
        "version": 1,
        "metadata": metadata,
        "components": [_component(item, composition) for item in inputs],
        "dependencies": [
            {"ref": own, "dependsOn": sorted(refs.values())},
            *(_edges(item.name, refs, composition.plan) for item in inputs),
        ],
        "compositions": [
            {"aggregate": "complete", "assemblies": [own]},
            {"aggregate": "incomplete", "assemblies": sorted(refs.values())},
        ],
    }


def _ref(item: ComposeInput) -> str:
    """A name of the input that nothing else in the document has: crates are 'input#…'."""
    return f"{item.name}@{item.component}"


def _edges(name: str, refs: Mapping[str, str], plan: Iterable[Connection]) -> dict[str, Any]:
    return {
        "ref": refs[name],
        "dependsOn": sorted({refs[step.satisfied_by] for step in plan if step.of == name}),
    }


def _component(item: ComposeInput, composition: Composition) -> dict[str, Any]:
    ref = _ref(item)
    made: dict[str, Any] = {"type": "library", "bom-ref": ref, "name": item.package_or_name}
    if item.version is not None:
        made["version"] = str(item.version)
    made["mime-type"] = WASM_LAYER
    made["hashes"] = [_hash(item.component)]
    properties: list[tuple[str, str]] = [("wpkg:role", item.role)]
    if item.source is not None:
        made["purl"] = item.source.purl
        properties.append(("wpkg:manifestDigest", str(item.source.manifest)))
    properties += sorted({("wpkg:wit:import", step.import_) for step in composition.plan if step.of == item.name})
    properties += sorted(
        {("wpkg:wit:export", step.export) for step in composition.plan if step.satisfied_by == item.name}
    )
    made["properties"] = [{"name": name, "value": value} for name, value in properties]
    crates = composition.crates.get(item.name, ())
    if crates:
        made["components"] = [
            {
                "type": "library",
                "bom-ref": f"{ref}#{crate.purl}#{crate.source}",
                "name": crate.name,
                "version": crate.version,
                **({"purl": crate.purl} if crate.source == _CRATES_IO else {}),
                "properties": [{"name": "wpkg:cargo:source", "value": crate.source}],
            }
            for crate in crates
        ]
    return made


def _hash(digest: Digest) -> dict[str, str]:
    return {"alg": {"sha256": "SHA-256", "sha512": "SHA-512"}[digest.algorithm], "content": digest.encoded}
