"""Compose component files: read, plan, and write the result as a stream."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wpkg.component.read import read_component
from wpkg.compose.encode import Embedded, encode, encoded_size
from wpkg.compose.errors import AmbiguousImport
from wpkg.compose.graph import Node, Plan
from wpkg.compose.plan import make_plan
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.registry.cache import mapped
from wpkg.registry.disk import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wpkg.workflow.world import World

CHUNK = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class ComponentFile:
    """A component on disk and what it is called. `digest` is None where nobody has computed it yet."""

    name: str
    path: Path
    digest: Digest | None = None
    label: str | None = None  # what it is called inside the composition: never a path


@dataclass(frozen=True, slots=True)
class Composed:
    """A composition: its plan, and the component that it makes."""

    plan: Plan
    digest: Digest
    size: int  # bytes


def plan_files(
    files: Sequence[ComponentFile],
    root: str | None = None,
    choices: Mapping[tuple[str | None, str], str] | None = None,
) -> Plan:
    """How `files` fit together. Raises: CompositionError, InvalidInput."""
    return make_plan([read_node(file) for file in files], root, choices)


def read_node(file: ComponentFile) -> Node:
    """The component in `file`, as a node. Raises: InvalidInput."""
    if not file.path.is_file():
        what = "is a folder" if file.path.is_dir() else "is not there"
        raise InvalidInput(f"{file.path} {what}, a component file is needed")
    try:
        with mapped(file.path) as data:
            digest = file.digest or Digest.of(data)
            return Node(file.name, read_component(data), digest, len(data), file.label)
    except WpkgError as error:
        raise error.within(file.name) from None


@dataclass(frozen=True, slots=True)
class ComposeFiles:
    """What `wpkg compose` was told."""

    root: Path
    others: tuple[Path, ...]
    choices: Mapping[tuple[str | None, str], str]

    @property
    def files(self) -> list[ComponentFile]:
        """The components, the root first, called by their paths."""
        return [ComponentFile(str(path), path) for path in (self.root, *self.others)]

    @classmethod
    def parse(cls, root: Path, others: Sequence[Path], uses: Sequence[str]) -> ComposeFiles:
        """`uses` are `IMPORT=FILE`. Raises: InvalidInput."""
        choices: dict[tuple[str | None, str], str] = {}
        for use in uses:
            name, equals, file = use.partition("=")
            if not equals or not name or not file:
                raise InvalidInput(f"'{use}' is not of the form IMPORT=COMPONENT")
            choices[None, name] = file
        return cls(root, tuple(others), choices)


def plan_command(command: ComposeFiles) -> Plan:
    """How the files of `command` fit together. Raises: CompositionError, InvalidInput."""
    try:
        return plan_files(command.files, str(command.root), command.choices)
    except AmbiguousImport as error:
        error.hint = f"choose one: --use '{error.name}={error.candidates[0][0]}'"
        raise


def compose_files(world: World, command: ComposeFiles, output: Path) -> Composed:
    """Compose as `command` says into `output`, which is replaced only when everything went well.

    Raises: CompositionError, InvalidInput, CannotWrite.
    """
    plan = plan_command(command)
    warn_unused(world, plan)
    return write_composition(plan, {file.name: file.path for file in command.files}, output)


def warn_unused(world: World, plan: Plan) -> None:
    """Say which components were given for nothing."""
    for name in plan.unused:
        world.reporter.warn(f"'{name}' is not part of the composition: nothing imports what it exports")


def write_composition(plan: Plan, paths: Mapping[str, Path], output: Path) -> Composed:
    """The component that `plan` makes, written to `output`. Raises: CompositionError, CannotWrite."""
    with replacing(output, durable=False) as file:
        return stream_composition(plan, paths, file.write)


def digest_composition(plan: Plan, paths: Mapping[str, Path]) -> Composed:
    """The component that `plan` makes, without writing it."""
    return stream_composition(plan, paths, lambda _: None)


def unchanged_composition(plan: Plan, paths: Mapping[str, Path], output: Path) -> Composed | None:
    """The component that `plan` makes if that is what `output` holds already, else None."""
    if not output.is_file() or output.stat().st_size != encoded_size(encode(plan)):
        return None
    composed = digest_composition(plan, paths)
    with mapped(output) as data:
        return composed if Digest.of(data) == composed.digest else None


def stream_composition(
    plan: Plan, paths: Mapping[str, Path], sink: Callable[[bytes | memoryview], object]
) -> Composed:
    """Pass the component that `plan` makes to `sink`, piece by piece; no input is held.

    Each input is hashed on its way: what is embedded is what was planned with. Raises: ContentMismatch.
    """
    pieces = encode(plan)
    whole = hashlib.sha256()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    with ExitStack() as stack:
        for piece in pieces:
            if not isinstance(piece, Embedded):
                whole.update(piece)
                sink(piece)
                continue
            own = hashlib.new(piece.digest.algorithm)
            source = stack.enter_context(paths[piece.node].open("rb", buffering=0))
            while count := source.readinto(buffer):
                chunk = view[:count]
                own.update(chunk)
                whole.update(chunk)
                sink(chunk)
            if own.hexdigest() != piece.digest.encoded:
                raise ContentMismatch(f"{paths[piece.node]} changed while it was being composed")
    return Composed(plan, Digest("sha256", whole.hexdigest()), encoded_size(pieces))
