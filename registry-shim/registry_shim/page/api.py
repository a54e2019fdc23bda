"""The search for programs: `GET /api/v1/search`.

Parameters: `exports`, `imports` (each may be repeated; all must hold), `q` (words), `n` (1 to 100), `offset`.
Answer::

    { "schema": "registry-shim.search/1",
      "results": [ { "repository", "package", "title", "description",
                     "versions": [ { "tag", "version", "kind", "digest", "component", "size", "created" } ],
                     "imports": [ … ], "exports": [ … ] } ],        of the first version, which is the highest
      "next": 50 }                                                 the offset of what follows; absent at the end
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from registry_shim.page.listing import list_rows

if TYPE_CHECKING:
    from registry_shim.catalogue.catalogue import Catalogue
    from registry_shim.catalogue.database import Row
    from registry_shim.catalogue.query import Query
    from registry_shim.page.caller import Caller
    from registry_shim.page.listing import Listed

SCHEMA = "registry-shim.search/1"
DEFAULT_COUNT = 50
MAX_COUNT = 100


def search_json(catalogue: Catalogue, caller: Caller, query: Query, offset: int, count: int) -> dict[str, Any]:
    """The answer to a search."""
    found = list(islice(list_rows(catalogue.find(query), caller), offset, offset + count + 1))
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "results": [_result(item, catalogue) for item in found[:count]],
    }
    if len(found) > count:
        document["next"] = offset + count
    return document


def _result(item: Listed, catalogue: Catalogue) -> dict[str, Any]:
    imports, exports = catalogue.externs(item.best.component)
    return {
        "repository": item.repository,
        "package": item.best.package,
        "title": item.best.title,
        "description": item.best.description,
        "versions": [_version(row) for row in item.rows],
        "imports": imports,
        "exports": exports,
    }


def _version(row: Row) -> dict[str, Any]:
    return {
        "tag": row.tag,
        "version": row.version,
        "kind": row.kind,
        "digest": row.manifest,
        "component": row.component,
        "size": row.size,
        "created": row.created,
    }
