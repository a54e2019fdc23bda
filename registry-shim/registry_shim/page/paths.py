"""Where things are on the page.

Grammar (paths as they are sent)::

    path ::= '/'                                       every repository
           | '/search'                                 ?q= &exports= &imports= &offset=
           | '/repositories/' name                     its versions
           | '/repositories/' name ':' tag             what a tag names
           | '/repositories/' name '@' digest          a manifest
           | '/api/v1/search'                          the search for programs
           | '/sign-in'                                asks for a password, then '/'
           | '/style.css' | '/icon.svg'

A name has neither ':' nor '@', so the three forms cannot be confused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode

from msgspec import Struct

from wpkg.oci.digest import Digest, InvalidDigest
from wpkg.oci.reference import is_repository_path, is_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

HOME = "/"
SEARCH = "/search"
SEARCH_API = "/api/v1/search"
SIGN_IN = "/sign-in"
STYLE = "/style.css"
ICON = "/icon.svg"
REPOSITORIES = "/repositories/"
_PLACE = re.compile(r"([^:@]+)(?:([:@])(.+))?")


class Place(Struct, frozen=True):
    """A repository, or a manifest in it by tag or digest."""

    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def reference(self) -> str:
        """What names the manifest in a request; '' for the repository itself."""
        return str(self.digest) if self.digest is not None else self.tag or ""

    @property
    def path(self) -> str:
        """Where it is on the page."""
        mark = "@" if self.digest is not None else ":" if self.tag is not None else ""
        return f"{REPOSITORIES}{self.repository}{mark}{self.reference}"

    def __str__(self) -> str:
        return self.path.removeprefix(REPOSITORIES)


def is_place(path: str) -> bool:
    """Whether there can be something at `path` that depends on who asks."""
    return path in (HOME, SEARCH, SEARCH_API, SIGN_IN) or path.startswith(REPOSITORIES)


def read_place(path: str) -> Place | None:
    """What the path below `/repositories/` is; None where nothing can be."""
    match = _PLACE.fullmatch(unquote(path.removeprefix(REPOSITORIES)))
    if match is None or not is_repository_path(match[1]):
        return None
    if match[2] is None:
        return Place(match[1])
    if match[2] == ":":
        return Place(match[1], tag=match[3]) if is_tag(match[3]) else None
    try:
        return Place(match[1], digest=Digest.parse(match[3]))
    except InvalidDigest:
        return None


def search_path(
    exports: Sequence[str] = (),
    imports: Sequence[str] = (),
    text: str = "",
    offset: int = 0,
    *,
    base: str = SEARCH,
) -> str:
    """Where the answers to a search are."""
    pairs = [("q", text)] if text else []
    pairs += [("exports", item) for item in exports] + [("imports", item) for item in imports]
    if offset:
        pairs.append(("offset", str(offset)))
    return f"{base}?{urlencode(pairs, quote_via=quote, safe=':/@')}" if pairs else base
