"""An explicit choice of what satisfies an import, as people write it.

Grammar, the same in `[composition.imports]` and behind `--use`::

    choice ::= ( importer ' / ' )? import '=' exporter ( ' / ' export )?

`import` and `export` are extern names, which may hold a `/` but no space; importer and exporter are components.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from wpkg.errors import InvalidInput

_BETWEEN = " / "


@dataclass(frozen=True, slots=True)
class Choice:
    """Who satisfies an import. `importer` is None for whoever imports it.

    `export` is None where the export follows from the import: the one of its name, or the one that fits.
    """

    importer: str | None
    name: str
    exporter: str
    export: str | None = None

    @classmethod
    def parse(cls, imported: str, exported: str) -> Self:
        """The choice in the two sides of a line. Raises: InvalidInput."""
        importer, between, name = imported.rpartition(_BETWEEN)
        exporter, also_between, export = exported.partition(_BETWEEN)
        parts = [name, exporter, *([importer] if between else []), *([export] if also_between else [])]
        if not all(part.strip() for part in parts):
            raise InvalidInput(
                f"'{imported}={exported}' is not of the form IMPORT=COMPONENT",
                hint="IMPORT may be 'COMPONENT / IMPORT', and COMPONENT 'COMPONENT / EXPORT'",
            )
        return cls(
            importer.strip() if between else None,
            name.strip(),
            exporter.strip(),
            export.strip() if also_between else None,
        )

    def __str__(self) -> str:
        importer = f"{self.importer}{_BETWEEN}" if self.importer is not None else ""
        export = f"{_BETWEEN}{self.export}" if self.export is not None else ""
        return f"{importer}{self.name}={self.exporter}{export}"
