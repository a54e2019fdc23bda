"""What may be searched for.

Grammar::

    interface ::= ns ':' package '/' name ( '@' version )?      a version finds its semver track
                | ns ':' package                                every interface of a package
                | label                                         a function or instance under a plain name

On a track (`0.2` of 0.2.3) versions stand in for each other, as they do when components are composed; `0.0.z` and
pre-releases stand for themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.extern_name import parse_extern_name, track_key
from wpkg.names.package_name import InvalidName, PackageName

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TERMS = 8  # interfaces, and words, of one query
MAX_TEXT_LENGTH = 200  # characters

Column = Literal["name", "bare", "package", "track"]


class Wanted(Struct, frozen=True):
    """An interface that is looked for: which property of an extern name must have which value."""

    text: str  # as it was asked for
    column: Column
    value: str


class Query(Struct, frozen=True):
    """Everything that must hold of a component. All empty finds everything."""

    exports: tuple[Wanted, ...] = ()
    imports: tuple[Wanted, ...] = ()
    words: tuple[str, ...] = ()  # case-folded; each in a name, title or description

    @property
    def is_empty(self) -> bool:
        """Whether nothing in particular is asked for."""
        return not (self.exports or self.imports or self.words)


class Properties(Struct, frozen=True):
    """By what an extern name is found."""

    name: str
    bare: str  # without its version
    package: str  # 'ns:package', '' for a plain name
    track: str


def read_wanted(text: str) -> Wanted:
    """The interface that `text` means. Raises: InvalidInput."""
    text = text.strip()
    try:
        if ":" in text and "/" not in text:
            return Wanted(text, "package", str(PackageName.parse(text)))
        name = parse_extern_name(text)
        if name is None:
            return Wanted(text, "name", text)
        if not name.version:
            return Wanted(text, "bare", name.unversioned)
        return Wanted(text, "track", track_key(text))
    except InvalidName as error:
        raise InvalidInput(
            f"'{text[:MAX_TEXT_LENGTH]}' is not the name of an interface",
            hint="write ns:package/interface, with @version if only its semver track will do; "
            "ns:package for all of a package; or the plain name of a function",
        ) from error


def read_query(exports: Sequence[str] = (), imports: Sequence[str] = (), text: str = "") -> Query:
    """The query of these texts, blank ones left out. Raises: InvalidInput."""
    wanted_exports, wanted_imports = (
        tuple(dict.fromkeys(read_wanted(item) for item in items if item.strip())) for items in (exports, imports)
    )
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidInput(f"the text has {len(text)} characters, over the limit of {MAX_TEXT_LENGTH}")
    words = tuple(dict.fromkeys(text.casefold().split()))
    if len(wanted_exports) + len(wanted_imports) > MAX_TERMS or len(words) > MAX_TERMS:
        raise InvalidInput(f"at most {MAX_TERMS} interfaces and {MAX_TERMS} words can be asked for at once")
    return Query(wanted_exports, wanted_imports, words)


def properties_of(text: str) -> Properties:
    """By what the extern name `text` of a component is found."""
    try:
        name = parse_extern_name(text)
        if name is not None:
            return Properties(text, name.unversioned, f"{name.namespace}:{name.package}", track_key(text))
    except InvalidName:
        pass  # of a grammar that is newer than this program: found by its name
    return Properties(text, text, "", text)
