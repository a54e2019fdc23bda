"""Compose what a command line names: files, and what is published.

The files are opened, and the result is begun, before what reads and plans is even loaded: the long parts go on at
the same time.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.component.sections import COMPONENT_PREAMBLE
from wpkg.compose.pieces import embedded
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.choice import Choice
from wpkg.registry.disk import replacing
from wpkg.workflow.draft import Draft
from wpkg.workflow.sources import ComponentFile, Sources, means_file
from wpkg.workflow.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wpkg.compose.graph import Plan
    from wpkg.compose.pieces import Piece
    from wpkg.workflow.compose import Composed
    from wpkg.workflow.world import Reporter


class ComposeFiles(Struct, frozen=True):
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
        published: Callable[[str], ComponentFile] | None = None,
    ) -> ComposeFiles:
        """`root` and `others` are `FILE` or `NAME=FILE`, `uses` as in wpkg.names.choice.

        `published` finds what is no file; without it, everything is one. Raises: InvalidInput, what it raises.
        """
        files = tuple(_named_file(text, published) for text in (root, *others))
        choices = tuple(_choice(use) for use in uses)
        return cls(files, Wiring(files[0].name, choices, share_modules, no_imports))


def _named_file(text: str, published: Callable[[str], ComponentFile] | None) -> ComponentFile:
    name, equals, given = text.partition("=")
    if not equals or not name or not given or Path(text).exists():
        name, given = "", text
    if published is None or means_file(given):
        return ComponentFile(name or given, Path(given))
    found = published(given)
    return replace(found, name=name) if name else found


def _choice(use: str) -> Choice:
    imported, equals, exported = use.partition("=")
    if not equals:
        raise InvalidInput(f"'{use}' is not of the form IMPORT=COMPONENT", hint="say who satisfies the import")
    return Choice.parse(imported, exported)


def plan_command(command: ComposeFiles) -> Plan:
    """How the files of `command` fit together. Raises: CompositionError, InvalidInput."""
    with _hints_for_the_command_line(), Sources(command.files) as sources:
        from wpkg.workflow.compose import plan_sources

        return plan_sources(sources, command.wiring)


def compose_files(reporter: Reporter, command: ComposeFiles, output: Path) -> Composed:
    """Compose as `command` says into `output`, which is replaced only when everything went well.

    Raises: CompositionError, InvalidInput, ContentMismatch, CannotWrite.
    """
    with (
        _hints_for_the_command_line(),
        Sources(command.files, all_digests=False) as sources,
        replacing(output, durable=False) as file,
        Draft(sources, file, [] if command.wiring.share_modules else _probable_start(sources)) as draft,
    ):
        from wpkg.workflow.compose import finish_draft, lay_out, warn_about

        composition = lay_out(sources, command.wiring)
        warn_about(reporter, composition.plan)
        return finish_draft(draft, composition, sources)


def _probable_start(sources: Sources) -> Sequence[Piece]:
    """What the composition begins with if each file is a component that is used; as wpkg.compose.encode has it."""
    ordered = sorted(sources, key=lambda source: source.size)
    if any(source.data[:8] != COMPONENT_PREAMBLE for source in ordered):
        return []
    return [COMPONENT_PREAMBLE, *(piece for s in ordered for piece in embedded(s.file.name, s.size))]


@contextmanager
def _hints_for_the_command_line() -> Iterator[None]:
    """Errors that name the line for wasmcloud.toml name the option instead."""
    try:
        yield
    except WpkgError as error:
        from wpkg.compose.errors import AmbiguousImport, DependencyCycle

        if isinstance(error, AmbiguousImport):
            error.hint = f"choose one: --use '{error.importer} / {error.name}={error.exporters[0]}'"
        elif isinstance(error, DependencyCycle):
            [*_, (importer, _), (_, name)] = error.path
            error.hint = (
                "a component's imports must exist before it; leave one of these to the host: "
                f"--use '{importer} / {name}=host'"
            )
        raise
