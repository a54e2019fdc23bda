"""The cache as a person sees it: what is in it, whether it is good, and making room."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wpkg.errors import WpkgError
from wpkg.oci.artifact import MAX_CONFIG_SIZE, WASM_CONFIG, WASM_LAYER, read_config
from wpkg.oci.manifest import MAX_MANIFEST_SIZE, Manifest, read_manifest
from wpkg.registry.cache_entries import CacheEntry, read_contents, remove
from wpkg.workflow.parallel import in_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.workflow.world import World

UNUSED_AGE = 90 * 86400.0  # seconds after which nobody misses what was not used


class DamagedCache(WpkgError):
    """Content of the cache was not what its digest says."""

    def __init__(self, damaged: tuple[Digest, ...], count: int) -> None:
        self.damaged = damaged
        super().__init__(
            f"{len(damaged)} of {count} files in the cache {'was' if len(damaged) == 1 else 'were'} damaged "
            f"and {'has' if len(damaged) == 1 else 'have'} been removed: "
            + ", ".join(digest.short for digest in damaged),
            hint="what is needed is fetched again; when it happens again, look at the disk",
        )

    @property
    def details(self) -> Mapping[str, Any]:
        """The digests in full."""
        return {"damaged": [str(digest) for digest in self.damaged]}


class CachedContent(Struct, frozen=True):
    """An entry and what it is."""

    entry: CacheEntry
    role: str  # 'component', 'manifest', 'config', 'evidence', or 'other' where nothing in the cache refers to it
    names: tuple[str, ...] = ()  # of a component: what its publishers say that it is


class Listing(Struct, frozen=True):
    """What is in the cache."""

    root: Path
    contents: tuple[CachedContent, ...]  # components first, by name; then by digest
    leftovers: int  # files that interrupted downloads have left, or that other processes are writing now

    @property
    def size(self) -> int:
        """Bytes of all content."""
        return sum(content.entry.size for content in self.contents)


class Pruned(Struct, frozen=True):
    """What was thrown away, least recently used first, and what is left."""

    removed: tuple[CacheEntry, ...]
    leftovers: int
    kept: tuple[CacheEntry, ...]

    @property
    def freed(self) -> int:
        """Bytes of what was thrown away."""
        return sum(entry.size for entry in self.removed)

    @property
    def size(self) -> int:
        """Bytes of what is left."""
        return sum(entry.size for entry in self.kept)


class Limits(Struct, frozen=True):
    """What may stay in the cache."""

    age: float | None = None  # seconds since it was last used
    size: int | None = None  # bytes


def list_cache(world: World) -> Listing:
    """What is in the cache, and what the manifests in it say about it. Raises: CacheUnusable."""
    found = read_contents(world.cache)
    roles = _Roles()
    for entry in found.entries:
        if entry.size <= MAX_MANIFEST_SIZE:
            roles.look_at(world, entry.digest)
    contents = [
        CachedContent(entry, roles.of.get(entry.digest, "other"), tuple(sorted(roles.names.get(entry.digest, ()))))
        for entry in found.entries
    ]
    contents.sort(key=lambda content: (content.role != "component", content.names, content.entry.digest))
    return Listing(world.cache.root, tuple(contents), len(found.leftovers))


class _Roles(Struct):
    """What the manifests in a cache say about its content."""

    of: dict[Digest, str] = field(default_factory=dict)
    names: dict[Digest, set[str]] = field(default_factory=dict)

    def look_at(self, world: World, digest: Digest) -> None:
        """Take in what is a manifest."""
        try:
            manifest = read_manifest(world.cache.peek(digest) or b"")
        except WpkgError:
            return
        self.of[digest] = "manifest"
        if not isinstance(manifest, Manifest):
            return
        if manifest.subject is not None:
            self.of[digest] = "evidence"
            self.of.update((layer.digest, "evidence") for layer in manifest.layers)
        elif manifest.config.media_type == WASM_CONFIG:
            self.of[manifest.config.digest] = "config"
            for layer in manifest.layers:
                if layer.media_type == WASM_LAYER:
                    self.of[layer.digest] = "component"
                    self.names.setdefault(layer.digest, set()).add(_name_of(world, manifest.config, layer))


def _name_of(world: World, config: Descriptor, layer: Descriptor) -> str:
    """`ns:name version` where the config says it, else the title that the manifest gives."""
    try:
        data = world.cache.peek(config.digest) if config.size <= MAX_CONFIG_SIZE else None
        record = read_config(data).record if data is not None else None
    except WpkgError:
        record = None
    if record is None:
        return layer.annotations.get("org.opencontainers.image.title", "without a name")
    return f"{record.package} {record.version}"


def prune_cache(world: World, limits: Limits, *, dry_run: bool = False) -> Pruned:
    """Throw away what `limits` exclude, the least recently used first, and what interrupted downloads have left.

    Nothing that a running process uses is lost: it is waited for. With `dry_run` nothing is thrown away.

    Raises: CacheUnusable.
    """
    if dry_run:
        return _choose(world, limits)[0]
    with world.cache.exclusive_access(_WaitingForOthers(world)):
        pruned, leftovers = _choose(world, limits)
        remove(world.cache, [entry.digest for entry in pruned.removed], leftovers)
    return pruned


def _choose(world: World, limits: Limits) -> tuple[Pruned, tuple[Path, ...]]:
    found = read_contents(world.cache)
    now, size = time.time(), found.size
    removed, kept = [], []
    for entry in sorted(found.entries, key=lambda entry: (entry.used, entry.digest)):
        too_old = limits.age is not None and now - entry.used >= limits.age
        if too_old or (limits.size is not None and size > limits.size):
            removed.append(entry)
            size -= entry.size
        else:
            kept.append(entry)
    return Pruned(tuple(removed), len(found.leftovers), tuple(kept)), found.leftovers


def verify_cache(world: World) -> int:
    """How many files are in the cache, each read and found good.

    Raises: DamagedCache, when there were others; those are removed.
    """
    entries = read_contents(world.cache).entries
    with world.reporter.progress("Verifying", "the cache", sum(entry.size for entry in entries)) as advance:

        def is_damaged(entry: CacheEntry) -> bool:
            damaged = world.cache.is_damaged(entry.digest)
            advance(entry.size)
            return damaged

        damages = in_parallel(lambda entry, _: is_damaged(entry), entries)
    if not any(damages):
        return len(entries)
    with world.cache.exclusive_access(_WaitingForOthers(world)):
        # Others may have replaced them meanwhile.
        suspected = [entry.digest for entry, damaged in zip(entries, damages, strict=True) if damaged]
        damaged = [digest for digest in suspected if world.cache.is_damaged(digest)]
        remove(world.cache, damaged)
    raise DamagedCache(tuple(suspected), len(entries))


class _WaitingForOthers:
    """Says once that others are being waited for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._said = False

    def __call__(self) -> None:
        if not self._said:
            self._said = True
            self._world.reporter.status("Waiting", "for other wpkg processes that use the cache")
