"""From text to syntax tree (wac's LANGUAGE.md, 2026-06, and WIT.md for types).

Grammar; what is not here is WIT's::

    document  ::= 'package' package-name ( 'targets' use-path )? ';' statement*
    statement ::= 'import' id ( 'as' name )? ':' import-type ';'
                | 'let' id '=' expr ';'
                | 'export' expr ( '...' | 'as' name )? ';'
                | interface | world | record | variant | flags | enum | type-alias
    import-type ::= use-path | func-type | 'interface' '{' interface-items* '}' | id
    expr      ::= ( id | 'new' package-name '{' arguments? '}' | '(' expr ')' ) ( '.' id | '[' string ']' )*
    arguments ::= '...' | argument ( ',' argument )* ( ',' '...'? )?
    argument  ::= id | '...' id | name ':' expr
    name      ::= id | string
    type-alias ::= 'type' id '=' ( type | func-type ) ';'     also in interfaces; its name is then a func-type

After a fault reading goes on behind the statement, so that one run tells of several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.wac.errors import MAX_ERRORS, raise_all
from wpkg.wac.expressions import ExpressionParser
from wpkg.wac.syntax import (
    Document,
    Export,
    FuncAlias,
    Import,
    Let,
    Name,
    Statement,
)
from wpkg.wit.errors import InvalidWit, WitNameError, WitSyntaxError, nearest
from wpkg.wit.lexer import Kind
from wpkg.wit.syntax import InlineInterface, PackageId, ResourceItem, UsePath
from wpkg.wit.tokens import duplicate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.types import FuncType
    from wpkg.wit.errors import Source, Span
    from wpkg.wit.syntax import ExternItem, Gate, Ident, Interface, InterfaceItem, World, WrittenType

_WORDS = ("import", "let", "export", "interface", "world", "record", "variant", "flags", "enum", "type")
_TYPES = _WORDS[5:]


def parse_document(source: Source) -> Document:
    """The syntax tree of a document. Raises: InvalidWit, InvalidDocument where several things are wrong."""
    return DocumentParser(source).document()


class DocumentParser(ExpressionParser):
    """Reads a document."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._funcs: list[dict[str, FuncType[WrittenType]]] = [{}]  # names of types of functions, innermost last

    def document(self) -> Document:
        """All of it. Raises: InvalidWit, InvalidDocument."""
        errors: list[InvalidWit] = []
        docs = self.token.docs
        package: PackageId | None = None
        targets: UsePath | None = None
        start = self._index
        try:
            self._expect_package()
            package = self.package_id()
            targets = self._target() if self.accept("targets") else None
            self._expect_end_of_statement("'targets' or ';'" if targets is None else "';'")
        except InvalidWit as error:
            errors.append(error)
            self._recover(start)
        statements: list[Statement] = []
        while self.token.kind is not Kind.END and len(errors) < MAX_ERRORS:
            start = self._index
            try:
                statements.append(self._statement())
            except InvalidWit as error:
                errors.append(error)
                self._recover(start)
        raise_all(errors)
        assert package is not None  # noqa: S101 - else there was an error
        return Document(self.source, package, targets, tuple(statements), docs)

    def _expect_package(self) -> None:
        if not self.accept("package"):
            raise WitSyntaxError(
                f"expected 'package', found {self.token}",
                self.token.span,
                advice="a document begins with 'package namespace:name;'",
            )

    def _target(self) -> UsePath:
        path = self.use_path()
        if path.package is None:
            raise WitSyntaxError(
                f"'{path.name.name}' is not the path of a world",
                path.span,
                advice="a world is named with its package: 'namespace:package/world'",
            )
        return path

    # --- going on after a fault --------------------------------------------------------------------

    def _recover(self, start: int) -> None:
        """Read on to where a statement may begin: behind a ';' outside of braces, or at a word that begins one.

        Such a word counts where a line begins with it. `start` is the first token of the statement with the fault.
        """
        fault, depth = self._index, 0
        self.forget_nesting()
        del self._funcs[1:]
        self._index = start
        while self.token.kind is not Kind.END:
            if self._index > start and self._index >= fault and self.is_word(*_WORDS) and self._begins_line():
                return
            token = self.advance()
            if token.kind is Kind.OPERATOR:
                depth += (token.text == "{") - (token.text == "}")
                over = token.text == ";" or (token.text == "}" and self.is_word(*_WORDS))
                if depth <= 0 and over and self._index > fault:
                    return

    def _begins_line(self) -> bool:
        start = self.token.span.start
        return start == 0 or self.source.text[start - 1] == "\n"

    # --- statements --------------------------------------------------------------------------------

    def _statement(self) -> Statement:
        """A statement."""
        docs, start = self.token.docs, self.token.span
        named = self._func_alias()
        if named is not None:
            return FuncAlias(*named, docs)
        if self.accept("import"):
            return self._import(docs, start)
        if self.accept("let"):
            name = self.local("a name for the value")
            self.expect("=")
            value = self.expression()
            self._expect_end_of_statement("'.', '[' or ';'")
            return Let(name, value, docs, start.to(value.span))
        if self.accept("export"):
            return self._export(docs, start)
        gate = self.gate()
        if self.is_word(*_TYPES):
            item = self.type_statement(gate, docs)
            assert not isinstance(item, ResourceItem)  # noqa: S101 - 'resource' is not among _TYPES
            return item
        if self.is_word("resource"):
            raise WitSyntaxError("a resource stands in an interface or a world", self.token.span)
        if self.is_word("package"):
            raise WitSyntaxError("'package …;' stands only once, at the top of a document", self.token.span)
        return self.interface_or_world(docs, gate, _WORDS)

    def _expect_end_of_statement(self, wanted: str) -> None:
        if not self.is_operator(";"):
            before = self.ahead(-1).span
            missing = self.token.kind is Kind.END or (self.is_word(*_WORDS) and self._begins_line())
            if missing:
                raise WitSyntaxError(
                    f"expected {wanted}, found {self.token}", before, advice="a statement ends with ';'"
                )
            raise self.unexpected(wanted, ("targets",) if "targets" in wanted else ("as",))
        self.advance()

    def _import(self, docs: tuple[str, ...], start: Span) -> Import:
        name = self.local("a name for the import")
        other = self.name("a name for the import") if self.accept("as") else None
        self.expect(":")
        what = self._import_type()
        end = self.ahead(-1).span
        self._expect_end_of_statement("';'")
        return Import(name, other, what, docs, start.to(end))

    def _import_type(self) -> UsePath | FuncType[WrittenType] | InlineInterface:
        if self.is_word("interface") and self.ahead(1).text != ":":
            self.advance()
            return InlineInterface(self.interface_items())
        if self.func_comes():
            return self.func_type()
        if self.token.kind is not Kind.WORD:
            raise self.unexpected("an interface, 'interface' or 'func'")
        return self.use_path()

    def _export(self, docs: tuple[str, ...], start: Span) -> Export:
        value = self.expression()
        other: Name | None = None
        spread = self.accept("...")
        if self.accept("as"):
            if spread:
                raise WitSyntaxError(
                    "what is spread keeps its names, 'as' cannot stand here",
                    self.ahead(-1).span,
                    advice="export an item of the instance: 'export i.item as other;'",
                )
            other = self.name("a name for the export")
        end = self.ahead(-1).span
        self._expect_end_of_statement("';'" if spread or other is not None else "'.', '[', '...', 'as' or ';'")
        return Export(value, other, spread, docs, start.to(end))

    # --- names of the types of functions -----------------------------------------------------------

    def interface_or_world(self, docs: tuple[str, ...], gate: Gate, allowed: Sequence[str]) -> Interface | World:
        """As WIT has it; names of types of functions that are given inside hold inside."""
        self._funcs.append({})
        item = super().interface_or_world(docs, gate, allowed)
        self._funcs.pop()
        return item

    def _extern(self, gate: Gate, docs: tuple[str, ...]) -> ExternItem:
        item = super()._extern(gate, docs)
        if isinstance(item.what, InlineInterface):
            self.accept(";")  # LANGUAGE.md wants one here, WIT has none
        return item

    def interface_items(self) -> tuple[InterfaceItem, ...]:
        """As WIT has it; see `interface_or_world`."""
        self._funcs.append({})
        items = super().interface_items()
        self._funcs.pop()
        return items

    def block_ends(self) -> bool:
        """Whether '}' came next, after names of types of functions."""
        while self._func_alias() is not None:
            pass
        return super().block_ends()

    def func_comes(self) -> bool:
        """Whether the type of a function comes next, or a name for one."""
        if self.ahead(1).text == ":":  # a package called 'func'
            return False
        return super().func_comes() or (
            self.ahead(1).text == ";" and self._func_named(self.token.text) is not None
        )

    def func_type(self) -> FuncType[WrittenType]:
        """The type of a function. Raises: WitSyntaxError, DuplicateName."""
        named = self._func_named(self.token.text)
        if named is not None and not super().func_comes():
            self.advance()
            return named
        if self.token.kind is Kind.WORD and self.ahead(1).text == ";":
            known = [name for scope in self._funcs for name in scope]
            raise WitNameError(
                f"there is no type of a function called '{self.token.text}'",
                self.token.span,
                advice=nearest(self.token.text, known) or "write 'func(…)'",
            )
        return super().func_type()

    def _func_named(self, text: str) -> FuncType[WrittenType] | None:
        name = text.removeprefix("%")
        return next((scope[name] for scope in reversed(self._funcs) if name in scope), None)

    def _func_alias(self) -> tuple[Ident, FuncType[WrittenType]] | None:
        """What `type name = func-type;` says, if that came next; it is then read, and noted."""
        if not self.is_word("type") or self.ahead(2).text != "=":
            return None
        third = self.ahead(3).text
        if third not in ("func", "async") and self._func_named(third) is None:
            return None
        self.advance()
        name = self.ident()
        if name.name in self._funcs[-1]:
            raise duplicate("name", name, None)
        self.expect("=")
        func = self._funcs[-1][name.name] = self.func_type()
        self.expect(";")
        return name, func
