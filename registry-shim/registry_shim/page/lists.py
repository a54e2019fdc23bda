"""The pages that list: every repository, the versions of one, what a search finds."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from registry_shim.page.html import Html, breakable, code, table, tag
from registry_shim.page.layout import document, plural
from registry_shim.page.listing import list_rows
from registry_shim.page.paths import HOME, SEARCH, SIGN_IN, Place, search_path
from wpkg.names.amount import size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry_shim.catalogue.catalogue import Catalogue
    from registry_shim.catalogue.database import Row
    from registry_shim.catalogue.query import Query, Wanted
    from registry_shim.page.caller import Caller
    from registry_shim.page.html import Node
    from registry_shim.page.listing import Listed
    from wpkg.errors import InvalidInput

PAGE_LENGTH = 50  # repositories
MAX_OTHERS = 5  # versions beside the best one in a list
FIRST_STEPS = """\
# wasmcloud.toml
[registries]
default = "{registry}"

$ wpkg push --key wpkg.key
"""


def home_page(
    registry: str,
    catalogue: Catalogue,
    caller: Caller,
    query: Query,
    offset: int,
    *,
    is_stranger: bool = False,
) -> bytes:
    """Every repository that has something to show; a stranger may see more after signing in."""
    found = list(islice(list_rows(catalogue.find(query), caller), offset, offset + PAGE_LENGTH + 1))
    shown = found[:PAGE_LENGTH]
    if not shown and offset == 0:
        body: Node = tag(
            "div",
            tag("p", "There is nothing here yet. Publish a component:"),
            tag(
                "pre",
                tag(
                    "code",
                    f'[registries]\ndefault = "{registry}"   # in wasmcloud.toml\n\nwpkg push --key wpkg.key',
                ),
            ),
            class_="box",
        )
    else:
        body = [_repositories(shown), _pages(HOME, offset, more=len(found) > PAGE_LENGTH)]
    more = tag("p", "There may be more to see: ", tag("a", "sign in", href=SIGN_IN)) if is_stranger else ()
    return document(registry, registry, tag("h1", "Repositories"), body, more)


def repository_page(registry: str, catalogue: Catalogue, caller: Caller, repository: str) -> bytes | None:
    """The versions in a repository; None where the caller can see none, or it is not there."""
    rows = catalogue.of_repository(repository)
    listed = next(list_rows(rows, caller), None)
    if listed is None:
        if repository not in catalogue.repositories() or not caller.may_list(repository):
            return None
        return document(
            registry, repository, tag("h1", repository), tag("p", "No version of it can be pulled by tag.")
        )
    best = listed.best
    versions = [
        (
            tag("a", breakable(row.tag), href=Place(repository, tag=row.tag).path),
            row.kind or "no component",
            size_text(row.size),
            _created(row.created),
            code(row.manifest[:19]),
        )
        for row in listed.rows
    ]
    return document(
        registry,
        repository,
        tag("h1", best.package or repository),
        tag("p", repository, class_="quiet") if best.package else None,
        tag("p", best.description) if best.description else None,
        tag("h2", "Versions"),
        table(("Tag", "Kind", "Size", "Created", "Digest"), versions, "Versions"),
    )


def search_page(
    registry: str, catalogue: Catalogue, caller: Caller, query: Query, asked: Asked, problem: InvalidInput | None
) -> bytes:
    """The search form, with what was found."""
    content: list[Node] = [tag("h1", "Search by interface"), _form(asked)]
    if problem is not None:
        content.append(tag("p", str(problem), class_="bad", role="alert"))
        content.append(tag("p", f"What to do: {problem.hint}.") if problem.hint else None)
    elif query.is_empty:
        content.append(
            tag(
                "p",
                "Find components by what they import and export. ",
                code("wasi:keyvalue/store", is_breakable=False),
                " finds every version; ",
                code("wasi:keyvalue/store@0.2.0", is_breakable=False),
                " those that can stand in for each other; ",
                code("wasi:keyvalue", is_breakable=False),
                " any interface of the package.",
                class_="quiet",
            )
        )
    else:
        found = list(
            islice(list_rows(catalogue.find(query), caller), asked.offset, asked.offset + PAGE_LENGTH + 1)
        )
        shown = found[:PAGE_LENGTH]
        if not shown:
            content.append(tag("p", "No component in this registry answers to that.", role="status"))
        else:
            content.append(tag("h2", "Found"))
            content.append(_found(shown, catalogue, query))
            content.append(_pages(asked.path(), asked.offset, more=len(found) > PAGE_LENGTH))
    return document(registry, "Search", *content, searched=asked.text)


class Asked:
    """A search as it was typed."""

    def __init__(self, exports: Sequence[str], imports: Sequence[str], text: str, offset: int) -> None:
        self.exports = exports
        self.imports = imports
        self.text = text
        self.offset = offset

    def path(self) -> str:
        """Where the first answers to it are."""
        return search_path(self.exports, self.imports, self.text)


def _form(asked: Asked) -> Html:
    fields = (
        ("Exports", "exports", " ".join(asked.exports), "wasi:keyvalue/store"),
        ("Imports", "imports", " ".join(asked.imports), "wasi:http/types"),
        ("Words in names", "q", asked.text, ""),
    )
    return tag(
        "form",
        [
            tag(
                "label",
                label,
                tag(
                    "input", name=name, value=value, placeholder=example, autocapitalize="none", spellcheck="false"
                ),
            )
            for label, name, value, example in fields
        ],
        tag("button", "Search", type="submit"),
        class_="search",
        action=SEARCH,
        method="get",
    )


def _repositories(listed: Iterable[Listed]) -> Html:
    rows = [
        (
            tag("a", code(item.repository), href=Place(item.repository).path),
            tag("a", breakable(item.best.tag), href=Place(item.repository, tag=item.best.tag).path),
            item.best.package or item.best.title or "",
            item.best.kind or "no component",
            plural(len(item.rows), "tag"),
        )
        for item in listed
    ]
    return table(("Repository", "Newest", "Package", "Kind", "Tags"), rows, "Repositories")


def _found(listed: Iterable[Listed], catalogue: Catalogue, query: Query) -> Html:
    rows = []
    for item in listed:
        imports, exports = catalogue.externs(item.best.component)
        matching = [
            *(("exports ", name) for name in matching_names(exports, query.exports)),
            *(("imports ", name) for name in matching_names(imports, query.imports)),
        ]
        rows.append(
            (
                tag("a", breakable(item.best.package or item.repository), href=Place(item.repository).path),
                tag("a", breakable(item.best.tag), href=Place(item.repository, tag=item.best.tag).path),
                [tag("div", verb, code(name)) for verb, name in matching] or item.best.description,
                item.best.kind or "no component",
                _others(item.rows),
            )
        )
    return table(("Package", "Version", "Match", "Kind", "Other versions"), rows, "Found")


def matching_names(names: Iterable[str], wanted: Iterable[Wanted]) -> list[str]:
    """Those of `names` that any of `wanted` asks for."""
    from registry_shim.catalogue.query import properties_of

    wanted = tuple(wanted)
    return [n for n in names if any(getattr(properties_of(n), w.column) == w.value for w in wanted)]


def _others(rows: Sequence[Row]) -> Node:
    links = [
        tag("a", breakable(row.tag), href=Place(row.repository, tag=row.tag).path)
        for row in rows[1 : MAX_OTHERS + 1]
    ]
    rest = "…" if len(rows) > MAX_OTHERS + 1 else ""
    return [tag("span", link, " ") for link in links] + [tag("span", rest)]


def _created(created: str) -> str:
    return created[:10] if created and not created.startswith("1970-01-01T00:00:00") else ""


def _pages(path: str, offset: int, *, more: bool) -> Html | None:
    mark = "&" if "?" in path else "?"
    links = []
    if offset:
        links.append(tag("a", "Previous", href=f"{path}{mark}offset={max(offset - PAGE_LENGTH, 0)}", rel="prev"))
    if more:
        links.append(tag("a", "Next", href=f"{path}{mark}offset={offset + PAGE_LENGTH}", rel="next"))
    return tag("nav", links, class_="pages", aria_label="More") if links else None
