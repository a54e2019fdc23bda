"""Why components cannot be composed. Each error carries what a person needs to settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.subtype import Mismatch


class AmbiguousImport(CompositionError):
    """Several components export what one imports."""

    def __init__(self, importer: str, name: str, candidates: Sequence[tuple[str, str]]) -> None:
        exporters = [exporter for exporter, _ in candidates]
        named = ", ".join(f"'{exporter}'" for exporter in exporters)
        super().__init__(
            f"import '{name}' of '{importer}' is exported by several components: {named}",
            hint=f'choose one in wasmcloud.toml:\n[composition.imports]\n"{importer} / {name}" = "{exporters[0]}"',
        )
        self.importer = importer
        self.name = name
        self.candidates = tuple(candidates)


class TypeMismatch(CompositionError):
    """An export has the name that an import asks for, and another type."""

    def __init__(self, importer: str, name: str, exporter: str, export: str, mismatch: Mismatch) -> None:
        super().__init__(
            f"'{exporter}' exports '{export}', but not as '{importer}' imports it: {mismatch}",
            hint="build both against the same version of the interface's WIT package",
        )
        self.importer = importer
        self.name = name
        self.exporter = exporter
        self.export = export
        self.mismatch = mismatch


class DependencyCycle(CompositionError):
    """Components need each other's exports; instances cannot be created in any order."""

    def __init__(self, path: Sequence[tuple[str, str]]) -> None:
        steps = "".join(f" → ({name}) → '{exporter}'" for exporter, name in path[1:])
        super().__init__(
            f"the components need each other in a circle: '{path[0][0]}'{steps}",
            hint="leave one of these imports to the host: a component's imports must exist before it does",
        )
        self.path = tuple(path)


class RootNotClear(CompositionError):
    """It cannot be inferred whose exports the composition has."""

    def __init__(self, candidates: Sequence[str]) -> None:
        named = ", ".join(f"'{candidate}'" for candidate in candidates)
        super().__init__(
            f"it is not clear whose exports the composition has: nothing imports from {named}",
            hint=f'say it in wasmcloud.toml:\n[composition]\nroot = "{candidates[0]}"',
        )
        self.candidates = tuple(candidates)


class InvalidChoice(CompositionError):
    """A root or an explicit choice names something that is not there."""


class UnmergeableImports(CompositionError):
    """Two components import one interface of the host in ways that cannot be one import."""

    def __init__(self, name: str, importers: tuple[str, str], mismatch: Mismatch) -> None:
        super().__init__(
            f"'{importers[0]}' and '{importers[1]}' both import '{name}' from the host, "
            f"with different types: {mismatch}",
            hint="build both against the same version of the interface's WIT package",
        )
        self.name = name
        self.importers = importers
        self.mismatch = mismatch


class SplitResources(CompositionError):
    """An import left to the host uses a resource that a component inside provides."""

    def __init__(self, importer: str, name: str, resource: str, provider: str) -> None:
        super().__init__(
            f"import '{name}' of '{importer}' uses the resource '{resource}' of '{provider}', "
            f"so the host cannot provide '{name}'",
            hint=f"add a component that exports '{name}' and imports the resource from '{provider}'",
        )
        self.importer = importer
        self.name = name


class Unsupported(CompositionError):
    """A composition that is possible, but not in this version."""
