"""Why components cannot be composed. Each error carries what a person needs to settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.errors import CompositionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.component.subtype import Mismatch
    from wpkg.compose.graph import NearMiss

_SHOWN = 8  # near misses in a hint


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _difference(mismatch: Mismatch) -> dict[str, Any]:
    """The first difference, for programs: the path to it, outermost first, and what is on either side."""
    return {"path": list(mismatch.path), "wanted": mismatch.wanted, "given": mismatch.given}


class AmbiguousImport(CompositionError):
    """Several components export what one imports."""

    def __init__(self, importer: str, name: str, exporters: Sequence[str]) -> None:
        super().__init__(
            f"import '{name}' of '{importer}' is exported by several components: {_quoted(exporters)}",
            hint=f'choose one in wasmcloud.toml:\n[composition.imports]\n"{importer} / {name}" = "{exporters[0]}"',
        )
        self.importer = importer
        self.name = name
        self.exporters = tuple(exporters)

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"component": self.importer, "import": self.name, "exporters": list(self.exporters)}


class TypeMismatch(CompositionError):
    """An export has the name that an import asks for, or was chosen for it, and has another type.

    `export` is None where the exporting instance as a whole was chosen.
    """

    def __init__(self, importer: str, name: str, exporter: str, export: str | None, mismatch: Mismatch) -> None:
        if export is None:
            said = f"'{exporter}' does not fit import '{name}' of '{importer}', nor does any of its exports"
        elif export == name:
            said = f"'{exporter}' exports '{export}', but not as '{importer}' imports it"
        else:
            said = f"'{exporter}' exports '{export}', but not as '{importer}' imports '{name}'"
        hint = "build both against the same version of the interface's WIT package"
        if mismatch.is_identity:
            hint = f"'{importer}' has that resource from elsewhere; all who use it must have it from one component"
        super().__init__(f"{said}: {mismatch}", hint=hint)
        self.importer = importer
        self.name = name
        self.exporter = exporter
        self.export = export
        self.mismatch = mismatch

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {
            "component": self.importer,
            "import": self.name,
            "exporter": self.exporter,
            "export": self.export,
            **_difference(self.mismatch),
        }


class ArgumentMismatch(CompositionError):
    """What a document gives for an import has another type."""

    def __init__(self, importer: str, name: str, mismatch: Mismatch) -> None:
        super().__init__(f"this does not fit import '{name}' of '{importer}': {mismatch}")
        self.importer = importer
        self.name = name
        self.mismatch = mismatch

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"component": self.importer, "import": self.name, **_difference(self.mismatch)}


class DependencyCycle(CompositionError):
    """Components need each other's exports; instances cannot be created in any order."""

    def __init__(self, path: Sequence[tuple[str, str]]) -> None:
        steps = "".join(f" → ({name}) → '{exporter}'" for exporter, name in path[1:])
        super().__init__(
            f"the components need each other in a circle: '{path[0][0]}'{steps}",
            hint="a component's imports must exist before it; leave one of these to the host in wasmcloud.toml:\n"
            f'[composition.imports]\n"{path[-2][0]} / {path[-1][1]}" = "host"',
        )
        self.path = tuple(path)

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        steps = zip(self.path, self.path[1:], strict=False)
        return {"path": [{"component": who, "import": name, "exporter": by} for (who, _), (by, name) in steps]}


class RootNotClear(CompositionError):
    """It cannot be inferred whose exports the composition has."""

    def __init__(self, candidates: Sequence[str]) -> None:
        super().__init__(
            f"it is not clear whose exports the composition has: nothing imports from {_quoted(candidates)}",
            hint=f'say it in wasmcloud.toml:\n[composition]\nroot = "{candidates[0]}"',
        )
        self.candidates = tuple(candidates)

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"components": list(self.candidates)}


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

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"components": list(self.importers), "import": self.name, **_difference(self.mismatch)}


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

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"component": self.importer, "import": self.name}


class UnnamedType(CompositionError):
    """An import left to the host mentions a type of an interface that a component inside provides.

    The result would have to give that type a name among its imports, and has none for it.
    """

    def __init__(self, importer: str, name: str, mentioned: str, provider: str, export: str) -> None:
        super().__init__(
            f"import '{name}' of '{importer}' is left to the host and uses type '{mentioned}' of '{provider}', "
            "for which the imports of the result have no name",
            hint=f"leave '{export}' to the host, too, instead of taking it from '{provider}'",
        )
        self.importer = importer
        self.name = name

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"component": self.importer, "import": self.name}


class CircularTypes(CompositionError):
    """Interfaces of the host, as several components import them, use each other's types."""

    def __init__(self, names: Sequence[str]) -> None:
        path = " → ".join(f"'{name}'" for name in names)
        super().__init__(f"the imports of the host use each other's types in a circle: {path}")
        self.names = tuple(names)


class DeniedInPart(CompositionError):
    """An import that is denied owns a resource that another one uses, which is not denied."""

    def __init__(self, importer: str, name: str, resource: str, denied: str) -> None:
        super().__init__(
            f"import '{name}' of '{importer}' uses the resource '{resource}' of '{denied}', which is denied to it",
            hint=f"deny '{name}' too, or neither",
        )
        self.importer = importer
        self.name = name
        self.denied = denied

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"component": self.importer, "import": self.name, "denied": self.denied}


class ExportConflict(CompositionError):
    """The result would have two exports of one name."""

    def __init__(self, name: str, nodes: tuple[str, str]) -> None:
        super().__init__(
            f"types of '{name}' of '{nodes[0]}' and of '{nodes[1]}' both occur in what the composition exports, "
            "and it cannot export both under one name",
            hint="let the components share one of the two: name it in [composition.imports]",
        )
        self.name = name
        self.nodes = nodes


class ImportConflict(CompositionError):
    """The result would have two imports of one name."""

    def __init__(self, name: str, other: str) -> None:
        same = "" if name == other else f", which cannot stand beside '{other}'"
        super().__init__(
            f"the composition would import '{name}' twice{same}",
            hint="import it once, and give it to whoever needs it",
        )
        self.name = name


class NothingConnected(CompositionError):
    """No component satisfies any import of the root."""

    def __init__(
        self,
        root: str,
        imports: Sequence[str],
        others: Sequence[str],
        near: Sequence[NearMiss],
        left: Sequence[str] = (),
    ) -> None:
        if not imports:
            said = f"'{root}' imports nothing"
        elif set(imports) <= set(left):
            said = f"all that '{root}' imports is left to the host by choice: {_quoted(imports)}"
        elif not others:
            said = f"'{root}' imports {_quoted(imports)}, and there is no other component"
        else:
            said = f"nothing that '{root}' imports is exported by {_quoted(others)}"
        hint = "\n".join(str(miss) for miss in near[:_SHOWN]) or None
        if hint is None and imports and others and not left:
            hint = f"it imports {', '.join(imports)}"
        super().__init__(f"nothing to compose: {said}", hint=hint)
        self.root = root
        self.imports = tuple(imports)
        self.near_misses = tuple(near)

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"imports": list(self.imports), "near-misses": [miss.to_json() for miss in self.near_misses]}


class ImportsLeft(CompositionError):
    """Something is left to the host, and nothing was to be."""

    def __init__(self, imports: Sequence[tuple[str, str]]) -> None:
        named = ", ".join(f"'{name}' of '{importer}'" for importer, name in imports)
        super().__init__(f"nothing was to be left to the host, and no component exports {named}")
        self.imports = tuple(imports)

    @property
    def details(self) -> Mapping[str, Any]:
        """See WpkgError."""
        return {"imports": [{"component": importer, "import": name} for importer, name in self.imports]}


class TooLarge(CompositionError):
    """The composition has more of something than a validator takes in one component."""

    def __init__(self, what: str, count: int, limit: int) -> None:
        super().__init__(
            f"the composition would have {count} {what} in one component; validators take no more than {limit}",
            hint="compose parts of it first, and then the results",
        )
        self.what = what
        self.count = count
        self.limit = limit


class Unsupported(CompositionError):
    """A composition that is possible, but not in this version."""
