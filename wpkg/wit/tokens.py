"""Reading one token after the other: what the parsers of WIT and of its relatives have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from wpkg.names.extern_name import LABEL
from wpkg.names.version import InvalidVersion, Version
from wpkg.wit.errors import DuplicateName, Span, WitSyntaxError, nearest
from wpkg.wit.keywords import KEYWORDS
from wpkg.wit.lexer import Kind, tokenize
from wpkg.wit.syntax import Ident, PackageId, UsePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wpkg.wit.errors import Source
    from wpkg.wit.lexer import Token

Item = TypeVar("Item")

_LABEL = re.compile(LABEL)
_DOTTED = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"[0-9]+\.[0-9]+\.[0-9]+(?:-{_DOTTED})?(?:\+{_DOTTED})?")  # its extent, see Version
RESERVED = KEYWORDS - {"float32", "float64"}  # these two were types once, and are names again


class TokenReader:
    """The tokens of one text, and how far they have been read. `reserved` are no identifiers."""

    reserved = RESERVED

    def __init__(self, source: Source) -> None:
        self.source = source
        self._tokens = tokenize(source)
        self._index = 0

    # --- tokens ------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The token that is read next."""
        return self._tokens[self._index]

    def ahead(self, count: int) -> Token:
        """The token `count` after the next one."""
        return self._tokens[min(self._index + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """The next token, which is then read."""
        token = self.token
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def is_operator(self, text: str) -> bool:
        """Whether this operator comes next."""
        return self.token.kind is Kind.OPERATOR and self.token.text == text

    def is_word(self, *words: str) -> bool:
        """Whether one of these keywords comes next."""
        return self.token.kind is Kind.WORD and self.token.text in words

    def accept(self, text: str) -> bool:
        """Whether this operator or keyword came next; it is then read."""
        if self.token.kind in (Kind.OPERATOR, Kind.WORD) and self.token.text == text:
            self.advance()
            return True
        return False

    def expect(self, text: str) -> Token:
        """The operator or keyword `text`. Raises: WitSyntaxError."""
        if self.token.kind in (Kind.OPERATOR, Kind.WORD) and self.token.text == text:
            return self.advance()
        raise self.unexpected(f"'{text}'")

    def unexpected(self, wanted: str, near: Iterable[str] = ()) -> WitSyntaxError:
        """The error that something else than `wanted` comes next; `near` are words that would have done."""
        advice = nearest(self.token.text, near) if self.token.kind is Kind.WORD else None
        return WitSyntaxError(f"expected {wanted}, found {self.token}", self.token.span, advice=advice)

    # --- names -------------------------------------------------------------------------------------

    def ident(self, what: str = "a name") -> Ident:
        """An identifier. Raises: WitSyntaxError."""
        token = self.token
        if token.kind is not Kind.WORD:
            raise self.unexpected(what)
        name = token.text.removeprefix("%")
        if token.text in self.reserved:
            raise WitSyntaxError(
                f"expected {what}, found the keyword '{token.text}'",
                token.span,
                advice=f"a name that is also a keyword is written '%{token.text}'",
            )
        if _LABEL.fullmatch(name) is None:
            raise WitSyntaxError(
                f"'{token.text}' is not a name",
                token.span,
                advice="a name is words joined by '-', each all in lower or all in upper case",
            )
        self.advance()
        return Ident(name, token.span)

    def version(self) -> Version:
        """A version. Raises: WitSyntaxError."""
        start = self.token.span.start
        match = _VERSION.match(self.source.text, start)
        end = match.end() if match is not None else self.token.span.end
        while self.token.span.end < end:
            self.advance()
        span = Span(self.source, start, self.token.span.end)
        text = self.source.text[start : span.end]
        if match is None:
            raise self.unexpected("a version")
        try:
            version = Version.parse(text)
        except InvalidVersion as error:
            raise WitSyntaxError(error.message, span, advice=error.hint) from error
        self.advance()
        return version

    def package_id(self) -> PackageId:
        """`namespace:name@version`, the version optional. Raises: WitSyntaxError."""
        namespace = self.segment("the name of a package")
        self.expect(":")
        name = self.segment("the name of a package")
        return self._versioned(namespace, name, name.span)

    def segment(self, what: str) -> Ident:
        """An identifier within the name of a package or interface. Raises: WitSyntaxError."""
        return self.ident(what)

    def _versioned(self, namespace: Ident, name: Ident, end: Span) -> PackageId:
        version = ""
        if self.accept("@"):
            start = self.token.span.start
            version = str(self.version())
            end = Span(self.source, start, start + len(version))
        return PackageId(namespace.name, name.name, version, namespace.span.to(end))

    def use_path(self) -> UsePath:
        """`name` or `namespace:package/name@version`. Raises: WitSyntaxError."""
        is_whole = self.ahead(1).kind is Kind.OPERATOR and self.ahead(1).text == ":"
        first = (self.segment if is_whole else self.ident)("the name of an interface or world")
        if not self.accept(":"):
            return UsePath(None, first, first.span)
        package = self.segment("the name of a package")
        if not self.is_operator("/"):
            raise WitSyntaxError(
                f"expected '/' and the name of an interface or world in package "
                f"'{first.name}:{package.name}', found {self.token}",
                first.span.to(package.span),
            )
        self.advance()
        name = self.segment("the name of an interface or world")
        versioned = self._versioned(first, package, name.span)
        return UsePath(versioned, name, versioned.span)

    # --- lists -------------------------------------------------------------------------------------

    def separated(self, read: Callable[[], Item], end: str) -> list[Item]:
        """Items between commas up to `end`, which is read; a comma may come last. Raises: WitSyntaxError."""
        items: list[Item] = []
        while not self.accept(end):
            items.append(read())
            if not self.accept(","):
                self.expect(end)
                break
        return items


def check_distinct(what: str, names: Iterable[Ident]) -> None:
    """Names differ in more than case (Explainer, "Name Uniqueness"). Raises: DuplicateName."""
    seen: dict[str, Ident] = {}
    for ident in names:
        other = seen.setdefault(ident.name.lower(), ident)
        if other is not ident:
            raise duplicate(what, ident, other.span)


def duplicate(what: str, ident: Ident, other: Span | None) -> DuplicateName:
    """The error that `ident` is taken already, at `other`."""
    if other is None:
        return DuplicateName(f"{what} '{ident.name}' is there already", ident.span)
    line, _ = other.source.position(other.start)
    where = f"in line {line}" if other.source is ident.span.source else f"in {other.source.name}:{line}"
    return DuplicateName(f"{what} '{ident.name}' is there already, {where}", ident.span)
