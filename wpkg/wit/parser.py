"""From text to syntax tree (WIT.md, "Top-level items").

Grammar::

    wit-file   ::= (package-decl ';')? (package-items | package-decl '{' package-items* '}')*
    package-items ::= 'use' use-path ('as' id)? ';'
                    | gate 'interface' id '{' interface-items* '}'
                    | gate 'world' id '{' world-items* '}'
    interface-items ::= gate ( use-item | typedef-item | id ':' func-type ';' )
    world-items ::= gate ( ('import' | 'export') ( id ':' extern-type | use-path ';' )
                         | use-item | typedef-item | include-item )
    extern-type ::= func-type ';' | 'interface' '{' interface-items* '}' | use-path ';'
    use-item   ::= 'use' use-path '.' '{' id ('as' id)? ( ',' … )* '}' ';'
    include-item ::= 'include' use-path ( ';' | 'with' '{' id 'as' id ( ',' … )* '}' )

`a:b` without a space is a package and what follows, `a: b` is a label and an interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.wit.errors import InvalidGate, WitSyntaxError
from wpkg.wit.lexer import Kind
from wpkg.wit.syntax import (
    Document,
    ExternItem,
    FuncItem,
    Gate,
    Ident,
    IncludeItem,
    InlineInterface,
    Interface,
    InterfaceItem,
    NestedPackage,
    PackageId,
    PackageItem,
    TopLevelUse,
    UseItem,
    World,
    WorldItem,
)
from wpkg.wit.type_parser import TYPE_STATEMENTS, TypeParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.wit.errors import Source

_TOP = ("use", "interface", "world", "package")
_IN_WORLD = ("import", "export", "include", "use", *TYPE_STATEMENTS)


def parse_document(source: Source) -> Document:
    """The syntax tree of a file. Raises: WitSyntaxError, DuplicateName, InvalidGate."""
    return _Parser(source).document()


class ItemParser(TypeParser):
    """Reads interfaces and worlds, which WAC has too."""

    def block_ends(self) -> bool:
        """Whether '}' came next; it is then read."""
        return self.accept("}")

    def func_comes(self) -> bool:
        """Whether the type of a function comes next."""
        return self.is_word("func", "async")

    def interface_or_world(self, docs: tuple[str, ...], gate: Gate, allowed: Sequence[str]) -> Interface | World:
        """An interface or a world; `allowed` are the words that may stand here. Raises: InvalidWit."""
        if self.accept("interface"):
            name = self.ident()
            return Interface(name, self.interface_items(), gate, docs)
        if self.accept("world"):
            name = self.ident()
            self.expect("{")
            members: list[WorldItem] = []
            while not self.block_ends():
                members.append(self._world_item())
            return World(name, tuple(members), gate, docs)
        raise self.unexpected(", ".join(f"'{word}'" for word in allowed[:-1]) + f" or '{allowed[-1]}'", allowed)

    # --- interfaces --------------------------------------------------------------------------------

    def interface_items(self) -> tuple[InterfaceItem, ...]:
        """The items between '{' and '}'. Raises: WitSyntaxError, DuplicateName, InvalidGate."""
        self.expect("{")
        items: list[InterfaceItem] = []
        while not self.block_ends():
            items.append(self._interface_item())
        return tuple(items)

    def _interface_item(self) -> InterfaceItem:
        docs, gate = self.token.docs, self.gate()
        if self.is_word("use"):
            return self._use(gate)
        if self.is_word(*TYPE_STATEMENTS):
            return self.type_statement(gate, docs)
        if self.token.kind is not Kind.WORD:
            raise self.unexpected("a function, a type, 'use' or '}'")
        name = self.ident("a function, a type, 'use' or '}'")
        if not self.is_operator(":"):
            raise self.unexpected(f"':' after '{name.name}'")
        self.advance()
        written = self.func_type()
        self.expect(";")
        return FuncItem(name, written, gate, docs)

    def _use(self, gate: Gate) -> UseItem:
        self.advance()
        path = self.use_path()
        self.expect(".")
        self.expect("{")
        names = self.separated(self._renamed, "}")
        self.expect(";")
        return UseItem(path, tuple(names), gate)

    def _renamed(self) -> tuple[Ident, Ident]:
        name = self.ident()
        return name, self.ident() if self.accept("as") else name

    # --- worlds ------------------------------------------------------------------------------------

    def _world_item(self) -> WorldItem:
        docs, gate = self.token.docs, self.gate()
        if self.is_word("import", "export"):
            return self._extern(gate, docs)
        if self.is_word("use"):
            return self._use(gate)
        if self.is_word("include"):
            return self._include(gate)
        if self.is_word(*TYPE_STATEMENTS):
            return self.type_statement(gate, docs)
        raise self.unexpected("'import', 'export', 'include', 'use', a type or '}'", _IN_WORLD)

    def _extern(self, gate: Gate, docs: tuple[str, ...]) -> ExternItem:
        keyword = self.advance()
        is_import = keyword.text == "import"
        if not self._label_comes():
            path = self.use_path()
            self.expect(";")
            return ExternItem(is_import, None, path, gate, docs, path.span)
        label = self.ident()
        self.expect(":")
        if self.func_comes():
            written = self.func_type()
            self.expect(";")
            return ExternItem(is_import, label, written, gate, docs, label.span)
        if self.accept("interface"):
            return ExternItem(is_import, label, InlineInterface(self.interface_items()), gate, docs, label.span)
        path = self.use_path()
        self.expect(";")
        return ExternItem(is_import, label, path, gate, docs, label.span)

    def _label_comes(self) -> bool:
        """Whether a label and a colon come next, not a path: `a:b` is one, `a: b` and `a:func` are the other."""
        colon, after = self.ahead(1), self.ahead(2)
        if colon.kind is not Kind.OPERATOR or colon.text != ":":
            return False
        if after.text in ("func", "async", "interface"):
            return True
        return after.kind is not Kind.WORD or self.token.span.end != colon.span.start or (
            colon.span.end != after.span.start
        )  # fmt: skip

    def _include(self, gate: Gate) -> IncludeItem:
        self.advance()
        path = self.use_path()
        if not self.accept("with"):
            self.expect(";")
            return IncludeItem(path, (), gate)
        self.expect("{")
        renames = self.separated(self._rename, "}")
        self.accept(";")
        return IncludeItem(path, tuple(renames), gate)

    def _rename(self) -> tuple[Ident, Ident]:
        name = self.ident()
        self.expect("as")
        return name, self.ident()


class _Parser(ItemParser):
    def document(self) -> Document:
        docs = self.token.docs
        identity: PackageId | None = None
        items: list[PackageItem] = []
        nested: list[NestedPackage] = []
        if self.is_word("package"):
            self.advance()
            first = self.package_id()
            if self.accept(";"):
                identity = first
            else:
                nested.append(self._nested(first, docs))
        while self.token.kind is not Kind.END:
            inner = self.token.docs
            if self.accept("package"):
                nested.append(self._nested(self.package_id(), inner))
            else:
                items.append(self._package_item(_TOP))
        return Document(self.source, identity, tuple(items), tuple(nested), docs)

    def _nested(self, identity: PackageId, docs: tuple[str, ...]) -> NestedPackage:
        if self.is_operator(";"):
            raise WitSyntaxError(
                "'package …;' stands only at the top of a file",
                identity.span,
                advice="put what belongs to the package between '{' and '}'",
            )
        self.expect("{")
        items: list[PackageItem] = []
        while not self.accept("}"):
            if self.is_word("package"):
                raise WitSyntaxError("a package stands at the top level, not in a package", self.token.span)
            items.append(self._package_item(_TOP[:3]))
        return NestedPackage(identity, tuple(items), docs)

    def _package_item(self, allowed: tuple[str, ...]) -> PackageItem:
        docs, gate = self.token.docs, self.gate()
        if self.is_word("use"):
            self._no_gate(gate)
            self.advance()
            path = self.use_path()
            alias = self.ident() if self.accept("as") else path.name
            self.expect(";")
            return TopLevelUse(path, alias)
        return self.interface_or_world(docs, gate, allowed)

    def _no_gate(self, gate: Gate) -> None:
        if gate != Gate():
            raise InvalidGate("a 'use' at the top level has no gate", self.token.span)
