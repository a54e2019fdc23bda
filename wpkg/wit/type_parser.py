"""Types, functions and type statements (WIT.md, "Items: type" and "Types"), which WAC has too.

Grammar::

    typedef-item  ::= resource-item | variant-items | record-item | flags-items | enum-items | type-item
    resource-item ::= 'resource' id ';' | 'resource' id '{' ( gate resource-method )* '}'
    resource-method ::= id ':' 'static'? func-type ';' | 'constructor' param-list ( '->' ty )? ';'
    func-type     ::= 'async'? 'func' param-list ( '->' ty )?
    param-list    ::= '(' ( id ':' ty ( ',' id ':' ty )* )? ')'
    ty            ::= primitive | id | 'tuple' '<' ty+ '>' | 'list' '<' ty ( ',' uint )? '>' | 'option' '<' ty '>'
                    | 'result' ( '<' ( ty | '_' ) ( ',' ty )? '>' )? | 'map' '<' ty ',' ty '>'
                    | ( 'future' | 'stream' ) ( '<' ty '>' )? | ( 'own' | 'borrow' ) '<' id '>'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from wpkg.component.types import (
    Borrow,
    EnumType,
    FixedList,
    Flags,
    FuncType,
    FutureType,
    ListType,
    MapType,
    OptionType,
    Own,
    Primitive,
    Record,
    ResultType,
    StreamType,
    TupleType,
    Variant,
)
from wpkg.wit.errors import InvalidGate, WitSyntaxError
from wpkg.wit.lexer import Kind, string_value
from wpkg.wit.syntax import (
    FuncKind,
    Gate,
    Ident,
    ResourceFunc,
    ResourceItem,
    TypeItem,
    WrittenType,
)
from wpkg.wit.tokens import TokenReader, check_distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.component.types import (
        Structure,
    )
    from wpkg.names.version import Version
    from wpkg.wit.errors import Span

Item = TypeVar("Item")

MAX_TYPE_NESTING = 100  # types in types, as in components
_PRIMITIVES = {primitive.keyword: primitive for primitive in Primitive}
_LENGTH = re.compile(r"[1-9][0-9]*")
_MAX_LENGTH = 2**32 - 1
TYPE_STATEMENTS = ("record", "variant", "enum", "flags", "type", "resource")
_GATES = ("since", "unstable", "deprecated", "external-id")


class TypeParser(TokenReader):
    """Reads types and the statements that define them."""

    _depth = 0

    # --- types -------------------------------------------------------------------------------------

    def type(self) -> WrittenType:
        """A type. Raises: WitSyntaxError."""
        token = self.token
        if token.kind is not Kind.WORD:
            raise self.unexpected("a type")
        primitive = _PRIMITIVES.get(token.text)
        if primitive is not None:
            self.advance()
            return WrittenType(primitive, token.span)
        read = self._structures().get(token.text)
        if read is None:
            ident = self.ident("a type")
            return WrittenType(ident, ident.span)
        self._depth += 1
        if self._depth > MAX_TYPE_NESTING:
            raise WitSyntaxError(f"types are nested more than {MAX_TYPE_NESTING} deep", token.span)
        self.advance()
        what = read()
        self._depth -= 1
        return WrittenType(what, token.span.to(self.ahead(-1).span))

    def _structures(self) -> dict[str, Callable[[], Structure[WrittenType]]]:
        return {
            "list": self._list,
            "option": lambda: OptionType(self._argument()),
            "tuple": self._tuple,
            "result": self._result,
            "map": self._map,
            "own": lambda: Own(self._resource()),
            "borrow": lambda: Borrow(self._resource()),
            "stream": lambda: StreamType(self._optional_argument()),
            "future": lambda: FutureType(self._optional_argument()),
        }

    def _argument(self) -> WrittenType:
        self.expect("<")
        argument = self.type()
        self.expect(">")
        return argument

    def _optional_argument(self) -> WrittenType | None:
        return self._argument() if self.is_operator("<") else None

    def _resource(self) -> WrittenType:
        self.expect("<")
        ident = self.ident("the name of a resource")
        self.expect(">")
        return WrittenType(ident, ident.span)

    def _list(self) -> ListType[WrittenType] | FixedList[WrittenType]:
        self.expect("<")
        element = self.type()
        if not self.accept(","):
            self.expect(">")
            return ListType(element)
        token = self.token
        if _LENGTH.fullmatch(token.text) is None or int(token.text[:11]) > _MAX_LENGTH:
            raise self.unexpected(f"the length of a list, 1 to {_MAX_LENGTH}")
        self.advance()
        self.expect(">")
        return FixedList(element, int(token.text))

    def _tuple(self) -> TupleType[WrittenType]:
        self.expect("<")
        if self.is_operator(">"):
            raise self.unexpected("a type")
        return TupleType(tuple(self.separated(self.type, ">")))

    def _result(self) -> ResultType[WrittenType]:
        if not self.accept("<"):
            return ResultType(None, None)
        if self.accept("_"):
            self.expect(",")
            error = self.type()
            self.expect(">")
            return ResultType(None, error)
        ok = self.type()
        written = self.type() if self.accept(",") else None
        self.expect(">")
        return ResultType(ok, written)

    def _map(self) -> MapType[WrittenType]:
        self.expect("<")
        key = self.type()
        self.expect(",")
        value = self.type()
        self.expect(">")
        return MapType(key, value)

    # --- functions ---------------------------------------------------------------------------------

    def func_type(self) -> FuncType[WrittenType]:
        """`func-type`. Raises: WitSyntaxError, DuplicateName."""
        is_async = self.accept("async")
        self.expect("func")
        params = self.params()
        return FuncType(params, self.type() if self.accept("->") else None, is_async)

    def params(self) -> tuple[tuple[str, WrittenType], ...]:
        """`param-list`. Raises: WitSyntaxError, DuplicateName."""
        self.expect("(")
        return self._members("parameter", self._typed, ")")

    def _typed(self) -> tuple[Ident, WrittenType]:
        name = self.ident()
        self.expect(":")
        return name, self.type()

    def _case(self) -> tuple[Ident, WrittenType | None]:
        name = self.ident()
        if not self.accept("("):
            return name, None
        payload = self.type()
        self.expect(")")
        return name, payload

    def _label(self) -> tuple[Ident, None]:
        return self.ident(), None

    def _members(
        self, what: str, read: Callable[[], tuple[Ident, Item]], end: str
    ) -> tuple[tuple[str, Item], ...]:
        members = self.separated(read, end)
        check_distinct(what, [name for name, _ in members])
        return tuple([(name.name, member) for name, member in members])

    # --- type statements ---------------------------------------------------------------------------

    def type_statement(self, gate: Gate, docs: tuple[str, ...]) -> TypeItem | ResourceItem:
        """`typedef-item`; one of TYPE_STATEMENTS comes next. Raises: WitSyntaxError, DuplicateName."""
        keyword = self.advance().text
        name = self.ident()
        if keyword == "resource":
            return self._resource_item(name, gate, docs)
        if keyword == "type":
            self.expect("=")
            written = self.type()
            self.expect(";")
            return TypeItem(name, written, gate, docs)
        self.expect("{")
        if self.is_operator("}"):
            raise WitSyntaxError(f"{keyword} '{name.name}' has no members", name.span)
        member_docs: dict[str, tuple[str, ...]] = {}
        if keyword == "record":
            read_field = self._documented(self._typed, member_docs)
            record = Record(self._members("field", read_field, "}"))
            return TypeItem(name, record, gate, docs, member_docs)
        if keyword == "variant":
            read_case = self._documented(self._case, member_docs)
            variant = Variant(self._members("case", read_case, "}"))
            return TypeItem(name, variant, gate, docs, member_docs)
        read_label = self._documented(self._label, member_docs)
        labels = tuple([label for label, _ in self._members("label", read_label, "}")])
        return TypeItem(name, Flags(labels) if keyword == "flags" else EnumType(labels), gate, docs, member_docs)

    def _documented(
        self, read: Callable[[], tuple[Ident, Item]], found: dict[str, tuple[str, ...]]
    ) -> Callable[[], tuple[Ident, Item]]:
        """`read`, after which `found` has the docs of what was read."""

        def documented() -> tuple[Ident, Item]:
            docs = self.token.docs
            name, item = read()
            if docs:
                found[name.name] = docs
            return name, item

        return documented

    def _resource_item(self, name: Ident, gate: Gate, docs: tuple[str, ...]) -> ResourceItem:
        if self.accept(";"):
            return ResourceItem(name, (), gate, docs)
        self.expect("{")
        functions: list[ResourceFunc] = []
        while not self.accept("}"):
            functions.append(self._resource_func())
        # A function `r` of resource `r` takes the name of the resource (Explainer, "Name Uniqueness").
        check_distinct("name", [name, *(f.name for f in functions if f.kind is not FuncKind.CONSTRUCTOR)])
        constructors = [f.name for f in functions if f.kind is FuncKind.CONSTRUCTOR]
        check_distinct("the", constructors)
        return ResourceItem(name, tuple(functions), gate, docs)

    def _resource_func(self) -> ResourceFunc:
        docs, gate = self.token.docs, self.gate()
        if self.is_word("constructor"):
            name = Ident("constructor", self.advance().span)
            made = FuncType(self.params(), self.type() if self.accept("->") else None)
            self.expect(";")
            return ResourceFunc(FuncKind.CONSTRUCTOR, name, made, gate, docs)
        name = self.ident("a function of the resource or '}'")
        self.expect(":")
        kind = FuncKind.STATIC if self.accept("static") else FuncKind.METHOD
        written = self.func_type()
        self.expect(";")
        return ResourceFunc(kind, name, written, gate, docs)

    # --- gates -------------------------------------------------------------------------------------

    def gate(self) -> Gate:
        """The gates that come next. Raises: WitSyntaxError, InvalidGate."""
        found: dict[str, Version | str] = {}
        at: dict[str, Span] = {}
        while self.is_operator("@"):
            start = self.advance().span
            kind = self.token.text
            if self.token.kind is not Kind.WORD or kind not in _GATES:
                raise self.unexpected("'since', 'unstable', 'deprecated' or 'external-id'", _GATES)
            span = start.to(self.advance().span)
            if kind in found:
                raise InvalidGate(f"@{kind} stands here twice", span)
            at[kind] = span
            self.expect("(")
            found[kind] = self._gate_value(kind)
            self.expect(")")
        since, unstable, deprecated, external = (found.get(kind) for kind in _GATES)
        if since is not None and unstable is not None:
            raise InvalidGate("an item is either @since a version or @unstable, not both", at["unstable"])
        if deprecated is not None and since is None and unstable is None:
            raise InvalidGate("@deprecated stands only beside @since or @unstable", at["deprecated"])
        return Gate(since, unstable, deprecated, external)  # type: ignore[arg-type] # see _gate_value

    def _gate_value(self, kind: str) -> Version | str:
        """A feature for `unstable`, a text for `external-id`, else a version."""
        if kind == "external-id":
            if self.token.kind is not Kind.STRING:
                raise self.unexpected("a string")
            return string_value(self.advance())
        self.expect("feature" if kind == "unstable" else "version")
        self.expect("=")
        return self.ident("the name of a feature").name if kind == "unstable" else self.version()
