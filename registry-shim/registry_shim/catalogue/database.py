"""The catalogue's SQLite file: artifacts and components by digest, tags by repository.

Content by digest never changes, so its rows are only ever added; rows of tags follow the repositories. A file of
another version, or one that SQLite calls damaged, is made anew.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.catalogue.query import properties_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from registry_shim.catalogue.artifact import Artifact
    from registry_shim.catalogue.look import Names
    from registry_shim.catalogue.query import Query
    from wpkg.oci.digest import Digest

SCHEMA_VERSION = 1
IMPORT, EXPORT = 0, 1
_SCHEMA = """
CREATE TABLE repositories (repository TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tags (
    repository TEXT NOT NULL, tag TEXT NOT NULL, manifest TEXT NOT NULL, PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
CREATE INDEX tags_manifest ON tags (manifest);
CREATE TABLE artifacts (
    manifest TEXT PRIMARY KEY, component TEXT NOT NULL, kind TEXT NOT NULL, package TEXT NOT NULL,
    version TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, created TEXT NOT NULL,
    size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX artifacts_component ON artifacts (component);
CREATE TABLE components (component TEXT PRIMARY KEY, fault TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE externs (
    component TEXT NOT NULL, direction INTEGER NOT NULL, name TEXT NOT NULL, bare TEXT NOT NULL,
    package TEXT NOT NULL, track TEXT NOT NULL, PRIMARY KEY (component, direction, name)
) WITHOUT ROWID;
CREATE INDEX externs_bare ON externs (bare, direction);
CREATE INDEX externs_package ON externs (package, direction);
CREATE INDEX externs_track ON externs (track, direction);
CREATE INDEX externs_name ON externs (name, direction);
"""
_FOUND = (
    "SELECT t.repository, t.tag, t.manifest, a.component, a.kind, a.package, a.version, a.title, a.description,"
    " a.created, a.size FROM tags t JOIN artifacts a ON a.manifest = t.manifest"
)


class Row(Struct, frozen=True):
    """A tag, and what it names. `component` is '' for what holds no WebAssembly."""

    repository: str
    tag: str
    manifest: str
    component: str
    kind: str
    package: str
    version: str
    title: str
    description: str
    created: str
    size: int  # bytes


class Database:
    """The tables. One thread at a time. Any call may raise sqlite3.DatabaseError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == SCHEMA_VERSION:
                return connection
            if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                connection.executescript(f"{_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};")
                return connection
        except sqlite3.DatabaseError:
            version = None
        connection.close()
        self._remove_files()
        return self._open()

    def start_over(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._remove_files()
        self._connection = self._open()

    def _remove_files(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # --- repositories and tags ---

    def stamps(self) -> dict[str, str]:
        """Every repository as it was when its tags were last read."""
        return dict(self._connection.execute("SELECT repository, stamp FROM repositories"))

    def put_repository(self, repository: str, stamp: str, tags: Mapping[str, Digest]) -> None:
        """Replace the tags of a repository."""
        with self._connection as connection:
            connection.execute("DELETE FROM tags WHERE repository = ?", (repository,))
            connection.executemany(
                "INSERT INTO tags VALUES (?, ?, ?)", [(repository, tag, str(d)) for tag, d in tags.items()]
            )
            connection.execute("INSERT OR REPLACE INTO repositories VALUES (?, ?)", (repository, stamp))

    def remove_repository(self, repository: str) -> None:
        """Forget a repository that is no more."""
        with self._connection as connection:
            connection.execute("DELETE FROM tags WHERE repository = ?", (repository,))
            connection.execute("DELETE FROM repositories WHERE repository = ?", (repository,))

    # --- content ---

    def has_artifact(self, manifest: Digest) -> bool:
        """Whether the artifact is known."""
        return self._has("artifacts", "manifest", str(manifest))

    def has_component(self, component: Digest) -> bool:
        """Whether it is known what the component imports and exports, or that it cannot be read."""
        return self._has("components", "component", str(component))

    def _has(self, table: str, column: str, value: str) -> bool:
        found = self._connection.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (value,))  # noqa: S608 - both are ours
        return found.fetchone() is not None

    def add_artifact(self, artifact: Artifact) -> None:
        """Remember an artifact."""
        with self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    str(artifact.manifest),
                    str(artifact.component.digest) if artifact.component is not None else "",
                    artifact.kind,
                    artifact.package,
                    artifact.version,
                    artifact.about.title,
                    artifact.about.description,
                    artifact.about.created,
                    artifact.size,
                ),
            )

    def add_component(self, component: Digest, names: Names | None, fault: str = "") -> None:
        """Remember what a component imports and exports, or why that cannot be said."""
        both = ((IMPORT, names.imports), (EXPORT, names.exports)) if names is not None else ()
        rows = [
            (str(component), direction, found.name, found.bare, found.package, found.track)
            for direction, externs in both
            for found in map(properties_of, externs)
        ]
        with self._connection as connection:
            connection.execute("INSERT OR REPLACE INTO components VALUES (?, ?)", (str(component), fault))
            connection.executemany("INSERT OR IGNORE INTO externs VALUES (?, ?, ?, ?, ?, ?)", rows)

    # --- questions ---

    def find(self, query: Query) -> list[Row]:
        """The tags whose artifacts answer `query`, unordered."""
        conditions: list[str] = []
        values: list[object] = []
        for direction, wanted in ((IMPORT, query.imports), (EXPORT, query.exports)):
            for item in wanted:
                conditions.append(
                    "a.component IN (SELECT component FROM externs"  # noqa: S608 - the column is one of ours
                    f" WHERE {item.column} = ? AND direction = ?)"
                )
                values += [item.value, direction]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = [Row(*row) for row in self._connection.execute(_FOUND + where, values)]
        return [row for row in rows if _has_words(row, query.words)]

    def of_repository(self, repository: str) -> list[Row]:
        """The tags of a repository, unordered."""
        return [Row(*row) for row in self._connection.execute(f"{_FOUND} WHERE t.repository = ?", (repository,))]

    def places_of(self, manifests: Iterable[str], components: Iterable[str]) -> list[Row]:
        """The tags that name any of these manifests, or a manifest of any of these components."""
        found: list[Row] = []
        for column, digests in (("t.manifest", manifests), ("a.component", components)):
            for digest in digests:
                rows = self._connection.execute(f"{_FOUND} WHERE {column} = ?", (digest,))
                found += [Row(*row) for row in rows]
        return found

    def externs(self, component: str, direction: int) -> list[str]:
        """What a component imports or exports, sorted."""
        rows = self._connection.execute(
            "SELECT name FROM externs WHERE component = ? AND direction = ? ORDER BY name", (component, direction)
        )
        return [name for (name,) in rows]

    def interfaces(self) -> list[tuple[str, int, int]]:
        """Every interface that is imported or exported by name: without version, and by how many components."""
        rows = self._connection.execute(
            "SELECT bare, COUNT(DISTINCT CASE direction WHEN 1 THEN component END),"
            " COUNT(DISTINCT CASE direction WHEN 0 THEN component END)"
            " FROM externs WHERE package != '' GROUP BY bare ORDER BY bare"
        )
        return list(rows)


def _has_words(row: Row, words: tuple[str, ...]) -> bool:
    if not words:
        return True
    text = f"{row.repository} {row.package} {row.title} {row.description}".casefold()
    return all(word in text for word in words)
