"""From text to expressions, and the names in them; the grammar is in `wpkg.wac.parser`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.names.extern_name import parse_extern_name
from wpkg.names.package_name import InvalidName
from wpkg.wac.syntax import Access, Argument, Expression, Inferred, Name, Named, Nested, New, Spread
from wpkg.wit.errors import WitSyntaxError
from wpkg.wit.lexer import Kind
from wpkg.wit.parser import ItemParser
from wpkg.wit.syntax import Ident, PackageId, UsePath
from wpkg.wit.tokens import RESERVED, check_distinct

if TYPE_CHECKING:
    from wpkg.wit.errors import Source, Span

MAX_NESTING = 100  # expressions in expressions
_NEWER = frozenset(
    {"async", "error-context", "from", "future", "map", "own", "stream"}
)  # words that WAC leaves free
_OWN = frozenset({"let", "new", "targets"})  # keywords that WIT does not have


class ExpressionParser(ItemParser):
    """Reads expressions. `paths` are where names of packages stand, in which `:` and `/` join."""

    reserved = RESERVED - _NEWER

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.paths: list[Span] = []
        self._nesting = 0

    def forget_nesting(self) -> None:
        """Begin anew, after a fault."""
        self._nesting = self._depth = 0

    # --- expressions -------------------------------------------------------------------------------

    def expression(self) -> Expression:
        """A value. Raises: WitSyntaxError, DuplicateName."""
        start = self.token.span
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise WitSyntaxError(f"expressions are nested more than {MAX_NESTING} deep", start)
        first = self._primary()
        accesses: list[Access] = []
        while self.is_operator(".") or self.is_operator("["):
            accesses.append(self._access())
        self._nesting -= 1
        return Expression(first, tuple(accesses), start.to(self.ahead(-1).span))

    def _primary(self) -> Ident | New | Nested:
        start = self.token.span
        if self.accept("new"):
            return self._new(start)
        if self.accept("("):
            value = self.expression()
            return Nested(value, start.to(self.expect(")").span))
        return self.local("a value: a name, 'new' or '('")

    def _access(self) -> Access:
        start = self.advance()
        if start.text == ".":
            ident = self.local("the name of an export")
            return Access(Name(ident.name, quoted=False, span=ident.span), start.span.to(ident.span))
        if self.token.kind is not Kind.STRING:
            raise self.unexpected("the name of an export in quotes")
        name = self._quoted()
        return Access(name, start.span.to(self.expect("]").span))

    def _new(self, start: Span) -> New:
        package = self.package_id()
        self.expect("{")
        arguments: list[Argument] = []
        rest: Span | None = None
        while not self.accept("}"):
            if self.is_operator("...") and self.ahead(1).kind is not Kind.WORD:
                rest = self.advance().span
                if not self.accept("}"):
                    raise WitSyntaxError(
                        f"expected '}}', found {self.token}", rest, advice="'...' is the last of the arguments"
                    )
                break
            arguments.append(self._argument_of_new())
            if not self.accept(","):
                if not self.is_operator("}"):
                    raise self.unexpected("',' or '}'")
                self.advance()
                break
        check_distinct("argument", [Ident(a.name.text, a.name.span) for a in arguments if isinstance(a, Named)])
        return New(package, tuple(arguments), rest, start.to(self.ahead(-1).span))

    def _argument_of_new(self) -> Argument:
        start = self.token.span
        if self.accept("..."):
            name = self.local("the name of an instance")
            return Spread(name, start.to(name.span))
        if self.token.kind is Kind.STRING:
            quoted = self._quoted()
            self.expect(":")
            return Named(quoted, self.expression())
        ident = self.local("an argument, '...' or '}'")
        if self.accept(":"):
            return Named(Name(ident.name, quoted=False, span=ident.span), self.expression())
        return Inferred(ident)

    # --- names -------------------------------------------------------------------------------------

    def local(self, what: str) -> Ident:
        """An identifier that is no keyword of WAC's own either. Raises: WitSyntaxError."""
        if self.token.kind is Kind.WORD and self.token.text in _OWN:
            raise WitSyntaxError(
                f"expected {what}, found the keyword '{self.token.text}'",
                self.token.span,
                advice=f"a name that is also a keyword is written '%{self.token.text}'",
            )
        return self.ident(what)

    def name(self, what: str) -> Name:
        """A name that components see. Raises: WitSyntaxError."""
        if self.token.kind is Kind.STRING:
            return self._quoted()
        ident = self.local(f"{what}, a word or in quotes")
        return Name(ident.name, quoted=False, span=ident.span)

    def _quoted(self) -> Name:
        token = self.advance()
        text = token.text[1:-1]
        try:
            parse_extern_name(text)
        except InvalidName as error:
            raise WitSyntaxError(f"{token} is not the name of an import or export", token.span) from error
        return Name(text, quoted=True, span=token.span)

    def segment(self, what: str) -> Ident:
        """An identifier, or a keyword, which WAC allows in names of packages. Raises: WitSyntaxError."""
        if self.token.kind is Kind.WORD and self.token.text in RESERVED | _OWN and self.token.text != "_":
            token = self.advance()
            return Ident(token.text, token.span)
        return self.ident(what)

    def package_id(self) -> PackageId:
        """As WIT has it. Raises: WitSyntaxError."""
        package = super().package_id()
        if self.is_operator(":"):
            raise WitSyntaxError(
                f"a package has one namespace: '{package}' is its whole name", package.span.to(self.token.span)
            )
        self.paths.append(package.span)
        return package

    def use_path(self) -> UsePath:
        """As WIT has it. Raises: WitSyntaxError."""
        path = super().use_path()
        self.paths.append(path.span)
        return path
