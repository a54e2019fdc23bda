"""What a manifest and its config say of an artifact. Claims of whoever pushed it, except for digests and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.documents.strict_json import Members, load_json
from wpkg.errors import InvalidInput, RegistryError
from wpkg.oci.artifact import MAX_CONFIG_SIZE, WASM_CONFIG, read_config, wasm_layer
from wpkg.oci.digest import check_content
from wpkg.oci.manifest import Index, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wpkg.oci.artifact import PackageRecord
    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.manifest import Manifest

_ANNOTATION = "org.opencontainers.image."
MAX_TEXT_LENGTH = 2000  # characters of a description that are kept


class Dependency(Struct, frozen=True):
    """What a published component says that it still needs."""

    name: str
    requirement: str
    link: str


class About(Struct, frozen=True):
    """What annotations say for people; '' where they say nothing."""

    title: str = ""
    description: str = ""
    created: str = ""
    licenses: str = ""
    source: str = ""
    authors: str = ""


class Artifact(Struct, frozen=True):
    """An artifact as its manifest has it. Empty texts where nothing is said."""

    manifest: Digest
    media_type: str
    size: int  # bytes of all that the manifest lists
    about: About
    component: Descriptor | None = None  # None for what holds no WebAssembly
    kind: str = ""  # one of `wpkg.oci.artifact.KINDS`; what the record says, else 'component'
    package: str = ""
    version: str = ""
    dependencies: tuple[Dependency, ...] = ()
    raw: str = ""  # digest of the raw sibling's manifest


def read_artifact(
    digest: Digest, media_type: str, data: bytes, fetch_config: Callable[[Descriptor], bytes | None]
) -> Artifact:
    """The artifact of the manifest `data`. A config that is missing or malformed says nothing.

    Raises: MalformedManifest.
    """
    manifest = read_manifest(data)
    about = _about(manifest.annotations)
    if isinstance(manifest, Index):
        return Artifact(digest, media_type, sum(item.size for item in manifest.manifests), about)
    component = _component(manifest)
    size = manifest.config.size + sum(layer.size for layer in manifest.layers)
    if component is None:
        return Artifact(digest, media_type, size, about)
    record, created = _record(manifest.config, fetch_config)
    about = replace(about, created=about.created or created)
    if record is None:
        return Artifact(digest, media_type, size, about, component, "component")
    return Artifact(
        digest,
        media_type,
        size,
        about,
        component,
        record.kind,
        str(record.package),
        str(record.version),
        tuple(Dependency(str(d.name), str(d.requirement), d.link) for d in record.dependencies),
        str(record.raw or ""),
    )


def _record(
    config: Descriptor, fetch_config: Callable[[Descriptor], bytes | None]
) -> tuple[PackageRecord | None, str]:
    """The record in a config, and when it says that it was created."""
    if config.media_type != WASM_CONFIG or config.size > MAX_CONFIG_SIZE:
        return None, ""
    data = fetch_config(config)
    if data is None:
        return None, ""
    try:
        check_content(data, config.digest, config.size, "the config")
        return read_config(data).record, Members(load_json(data)).optional_text("created") or ""
    except (InvalidInput, RegistryError):
        return None, ""


def _component(manifest: Manifest) -> Descriptor | None:
    try:
        return wasm_layer(manifest)
    except RegistryError:
        return None


def _about(annotations: Mapping[str, str]) -> About:
    return About(
        **{name: annotations.get(_ANNOTATION + name, "")[:MAX_TEXT_LENGTH] for name in About.__struct_fields__}
    )
