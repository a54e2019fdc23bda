"""Compose component files: read, plan, and write the result as a stream.

While the main thread writes, another one hashes what is written; no component is ever held whole.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wpkg.component.read import read_component
from wpkg.compose.encode import Layout, encode
from wpkg.compose.errors import AmbiguousImport
from wpkg.compose.graph import Node, Plan
from wpkg.compose.pieces import Slice
from wpkg.compose.plan import make_plan, require_connections, require_no_imports
from wpkg.compose.share import share_modules
from wpkg.errors import WpkgError
from wpkg.names.choice import Choice
from wpkg.oci.digest import Digest
from wpkg.registry.cache import mapped
from wpkg.registry.disk import replacing
from wpkg.workflow.sources import ComponentFile, Source, Sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wpkg.workflow.world import World

# Errors of copy_file_range that say "not between these two files" (copy_file_range(2)).
_CANNOT_COPY_INSIDE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Composed:
    """A composition: its plan, and the component that it makes."""

    plan: Plan
    digest: Digest
    size: int  # bytes
    shared: int = 0  # core modules that are embedded once instead of several times
    saved: int = 0  # bytes that this saves


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a person decided about a composition; all of it can be left to inference."""

    root: str | None = None
    choices: tuple[Choice, ...] = ()
    share_modules: bool = False
    no_imports: bool = False  # nothing may be left to the host


@dataclass(frozen=True, slots=True)
class Composition:
    """A composition that is decided and can be written."""

    plan: Plan
    layout: Layout
    shared: int
    saved: int

    def composed(self, digest: Digest) -> Composed:
        """The composition, once its digest is known."""
        return Composed(self.plan, digest, self.layout.size, self.shared, self.saved)


def read_node(file: ComponentFile) -> Node:
    """The component in `file`, as a node. Raises: InvalidInput, ContentMismatch."""
    with Sources([file]) as sources:
        return _node(sources[file.name])


def _node(source: Source) -> Node:
    file = source.file
    try:
        component = read_component(source.data)
        return Node(file.name, component, source.digest, source.size, file.label)
    except WpkgError as error:
        raise error.within(file.name) from None


def plan_sources(sources: Sources, wiring: Wiring) -> Plan:
    """How the components in `sources` fit together. Raises: CompositionError, InvalidInput, ContentMismatch."""
    plan = make_plan([_node(source) for source in sources], wiring.root, wiring.choices)
    if wiring.no_imports:
        require_no_imports(plan)
    return plan


def plan_files(files: Sequence[ComponentFile], wiring: Wiring) -> Plan:
    """How `files` fit together. Raises: CompositionError, InvalidInput."""
    with Sources(files) as sources:
        return plan_sources(sources, wiring)


def lay_out(sources: Sources, wiring: Wiring) -> Composition:
    """The composition of `sources`, ready to be written. Raises: CompositionError, InvalidInput."""
    plan = plan_sources(sources, wiring)
    require_connections(plan)
    if not wiring.share_modules:
        return Composition(plan, encode(plan), 0, 0)
    sharing = share_modules(plan, {node.name: sources[node.name].data for node in plan.nodes})
    return Composition(plan, encode(plan, sharing), sharing.count, sharing.saved)


@dataclass(frozen=True, slots=True)
class ComposeFiles:
    """What `wpkg compose` was told."""

    files: tuple[ComponentFile, ...]  # the root first
    wiring: Wiring

    @classmethod
    def parse(
        cls,
        root: str,
        others: Sequence[str],
        uses: Sequence[str] = (),
        *,
        share_modules: bool = False,
        no_imports: bool = False,
    ) -> ComposeFiles:
        """`root` and `others` are `FILE` or `NAME=FILE`, `uses` as in wpkg.names.choice. Raises: InvalidInput."""
        files = tuple(_named_file(text) for text in (root, *others))
        choices = tuple(_choice(use) for use in uses)
        return cls(files, Wiring(files[0].name, choices, share_modules, no_imports))


def _named_file(text: str) -> ComponentFile:
    name, equals, path = text.partition("=")
    if not equals or not name or not path or Path(text).exists():
        return ComponentFile(text, Path(text))
    return ComponentFile(name, Path(path))


def _choice(use: str) -> Choice:
    imported, _, exported = use.partition("=")
    return Choice.parse(imported, exported)


def plan_command(command: ComposeFiles) -> Plan:
    """How the files of `command` fit together. Raises: CompositionError, InvalidInput."""
    with _hints_for_the_command_line():
        return plan_files(command.files, command.wiring)


def compose_files(world: World, command: ComposeFiles, output: Path) -> Composed:
    """Compose as `command` says into `output`, which is replaced only when everything went well.

    Raises: CompositionError, InvalidInput, ContentMismatch, CannotWrite.
    """
    with _hints_for_the_command_line(), Sources(command.files) as sources:
        composition = lay_out(sources, command.wiring)
        warn_about(world, composition.plan)
        return write_composition(composition, sources, output)


@contextmanager
def _hints_for_the_command_line() -> Iterator[None]:
    """Errors that name the line for wasmcloud.toml name the option instead."""
    try:
        yield
    except AmbiguousImport as error:
        error.hint = f"choose one: --use '{error.name}={error.exporters[0]}'"
        raise


def warn_about(world: World, plan: Plan) -> None:
    """Say which components were given for nothing, and which exports are nearly what is imported."""
    for name in plan.unused:
        world.reporter.warn(f"'{name}' is not part of the composition: nothing imports what it exports")
    for miss in plan.near_misses:
        world.reporter.warn(f"{miss}; the import is left to the host")
    for residual in plan.residuals:
        if residual.kept_apart is not None:
            world.reporter.warn(
                f"the host is asked for '{residual.name}' and for '{residual.kept_apart.name}', "
                f"which cannot be one import: {residual.kept_apart.mismatch}"
            )


def write_composition(composition: Composition, sources: Sources, output: Path) -> Composed:
    """The component that `composition` makes, written to `output`. Raises: ContentMismatch, CannotWrite."""
    hashing = _Hashing(composition.layout, sources)
    hashing.start()
    with replacing(output, durable=False) as file:
        for piece in composition.layout.pieces:
            if isinstance(piece, Slice):
                _copy(sources[piece.node], piece, file.fileno())
            else:
                _write(file.fileno(), piece)
        digest = hashing.result()
        for source in sources:
            source.check_unchanged()
    return composition.composed(digest)


def digest_composition(composition: Composition, sources: Sources) -> Composed:
    """The component that `composition` makes, without writing it."""
    hashing = _Hashing(composition.layout, sources)
    hashing.run()
    return composition.composed(hashing.result())


def unchanged_composition(composition: Composition, sources: Sources, output: Path) -> Composed | None:
    """The component that `composition` makes if that is what `output` holds already, else None."""
    if not output.is_file() or output.stat().st_size != composition.layout.size:
        return None
    composed = digest_composition(composition, sources)
    with mapped(output) as data:
        return composed if Digest.of(data) == composed.digest else None


class _Hashing(threading.Thread):
    """Computes the digest of a layout."""

    def __init__(self, layout: Layout, sources: Sources) -> None:
        super().__init__(daemon=True)
        self._layout = layout
        self._sources = sources
        self._hashed = hashlib.sha256()
        self._failure: Exception | None = None

    def run(self) -> None:
        """Hash everything; what goes wrong is raised where the result is asked for."""
        try:
            for chunk in self._chunks():
                self._hashed.update(chunk)
        except (OSError, WpkgError) as error:
            self._failure = error

    def _chunks(self) -> Iterator[bytes | memoryview]:
        for piece in self._layout.pieces:
            if isinstance(piece, Slice):
                yield from self._sources[piece.node].chunks(piece.start, piece.end)
            else:
                yield piece

    def result(self) -> Digest:
        """The digest, waited for. Raises: ContentMismatch, OSError."""
        if self.ident is not None:
            self.join()
        if self._failure is not None:
            raise self._failure
        return Digest("sha256", self._hashed.hexdigest())


def _copy(source: Source, piece: Slice, target: int) -> None:
    """Append a part of a file to the file `target`: inside the kernel where it can, else through a buffer."""
    position = piece.start
    if hasattr(os, "copy_file_range"):
        with source.open() as file:
            try:
                while position < piece.end:
                    count = os.copy_file_range(file.fileno(), target, piece.end - position, position)
                    if not count:
                        break
                    position += count
            except OSError as error:
                if error.errno not in _CANNOT_COPY_INSIDE:
                    raise
    for chunk in source.chunks(position, piece.end):
        _write(target, chunk)


def _write(target: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
