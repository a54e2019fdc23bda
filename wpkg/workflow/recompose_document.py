"""A WAC document read back from the provenance of what it has composed, with the WIT that it names."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from wpkg.errors import InvalidInput
from wpkg.oci.digest import Digest
from wpkg.trust.provenance import INTERFACES
from wpkg.wac.needs import instances_of
from wpkg.wac.parser import parse_document
from wpkg.wit.binary import BinaryPackage, read_wit_package
from wpkg.wit.errors import Source
from wpkg.workflow.document import OpenedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wpkg.wit.resolve import PackageFiles
    from wpkg.workflow.sources import ComponentFile

_WASM_MAGIC = b"\0asm"


class DocumentNotRecorded(InvalidInput):
    """Provenance does not hold the document that decided, or what it needs."""


def recorded_document(
    script: str, predicate: Mapping[str, Any], instances: Mapping[str, str], files: Sequence[ComponentFile]
) -> OpenedDocument:
    """The document `script` that `predicate` holds; `instances` are the names of its `files`.

    Raises: DocumentNotRecorded, InvalidWit.
    """
    held = list(_held(predicate))
    texts = [data for name, data, package in held if name == script and package is None]
    if len(texts) != 1:
        raise DocumentNotRecorded(f"a document decided how, {script[:200]!a}, which is not in its provenance")
    document = parse_document(Source(script, _text(script, texts[0])))
    known = {file.name for file in files}
    for instance in instances_of(document):
        if instances.get(instance.name) not in known:
            raise DocumentNotRecorded(f"its provenance names no component for the instance {instance.name!a}")
    packages: dict[str, list[tuple[str, bytes]]] = {}
    for name, data, package in held:
        if package is not None:
            packages.setdefault(package, []).append((name, data))
    return OpenedDocument(
        document, tuple(files), dict(instances), {}, {name: _interfaces(of) for name, of in packages.items()}
    )


def _held(predicate: Mapping[str, Any]) -> Iterator[tuple[str, bytes, str | None]]:
    """Each file whose content is in `predicate`: name, bytes, and the WIT package that it is of, if of one."""
    definition = predicate.get("buildDefinition")
    dependencies = definition.get("resolvedDependencies") if isinstance(definition, dict) else None
    for entry in dependencies if isinstance(dependencies, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("content"), str):
            continue
        name = str(entry.get("name"))
        try:
            data = base64.b64decode(entry["content"], validate=True)
        except binascii.Error as error:
            raise DocumentNotRecorded(f"its provenance has {name[:200]!a} in what is not base64") from error
        digest = entry.get("digest")
        said = digest.get("sha256") if isinstance(digest, dict) else None
        if said != Digest.of(data).encoded:
            raise DocumentNotRecorded(f"its provenance has {name[:200]!a} with the digest of something else")
        annotations = entry.get("annotations")
        of = annotations.get(INTERFACES) if isinstance(annotations, dict) else None
        yield name, data, of if isinstance(of, str) else None


def _interfaces(files: Sequence[tuple[str, bytes]]) -> PackageFiles | BinaryPackage:
    if len(files) == 1 and files[0][1].startswith(_WASM_MAGIC):
        name, data = files[0]
        return read_wit_package(name, memoryview(data))
    return tuple(Source(name, _text(name, data)) for name, data in files)


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DocumentNotRecorded(f"its provenance has {name[:200]!a} in what is no UTF-8") from error
