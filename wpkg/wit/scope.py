"""The types and functions of one interface or world, evaluated (WIT.md, "Name resolution").

What comes out is what `wpkg.component.evaluate` makes of a component with that interface: a resource is a
`Resource`, every other named type an `Alias`, a used type an `Alias` of its owner's identity. A resource's name
where a value is meant is `own` of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wpkg.component.measure import MAX_TYPE_DEPTH
from wpkg.component.types import (
    Alias,
    Borrow,
    FuncType,
    MapType,
    Own,
    Primitive,
    Resource,
    ResultType,
    TypeBound,
    strip,
)
from wpkg.wit.errors import (
    DuplicateName,
    InvalidGate,
    InvalidType,
    RecursiveWit,
    WitNameError,
    nearest,
)
from wpkg.wit.syntax import (
    FuncItem,
    FuncKind,
    Ident,
    ResourceItem,
    TypeItem,
    UseItem,
    WrittenType,
)
from wpkg.wit.tokens import duplicate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wpkg.component.types import (
        EvaluatedFunc,
        ExternType,
        Identity,
        ValueType,
    )
    from wpkg.wit.errors import (
        InvalidWit,
        Span,
    )
    from wpkg.wit.gates import Gates
    from wpkg.wit.syntax import (
        ResourceFunc,
        UsePath,
    )

NamedItem = TypeItem | ResourceItem | FuncItem | UseItem
_KEYS = frozenset(Primitive) - {Primitive.F32, Primitive.F64, Primitive.ERROR_CONTEXT}


class TypeFacts:
    """How deep types are, and whether they hold a `borrow`; each named type is looked at once."""

    def __init__(self) -> None:
        self._known: dict[Alias, tuple[int, bool]] = {}

    def of(self, value: ValueType) -> tuple[int, bool]:
        """Depth as `wpkg.component.evaluate` counts it, and whether a `borrow` is inside."""
        if isinstance(value, (Primitive, Resource)):
            return 1, False
        if isinstance(value, Alias):
            known = self._known.get(value)
            if known is None:
                depth, borrows = self.of(cast("ValueType", value.target))
                known = self._known[value] = (depth + 1, borrows)
            return known
        members: list[ValueType] = []
        value.map(members.append)
        facts = [self.of(member) for member in members]
        depth = 1 + max((depth for depth, _ in facts), default=0)
        return depth, isinstance(value, Borrow) or any(borrows for _, borrows in facts)


class Scope:
    """Names of one interface or world.

    `exports_of` gives, for the path of a `use`, the name of the interface meant and its exports here.
    `withheld` collects the names that gates leave out.
    """

    def __init__(
        self,
        what: str,
        gates: Gates,
        facts: TypeFacts,
        exports_of: Callable[[UsePath], tuple[str, Mapping[str, ExternType], frozenset[str]]],
    ) -> None:
        self.types: dict[str, TypeBound] = {}  # each after those that it needs
        self.funcs: dict[str, EvaluatedFunc] = {}
        self.withheld: set[str] = set()
        self._what = what
        self._gates = gates
        self._facts = facts
        self._exports_of = exports_of
        self._items: dict[str, TypeItem | ResourceItem | FuncItem | tuple[UsePath, Ident]] = {}
        self._taken: dict[str, Ident] = {}
        self._open: dict[str, Ident] = {}  # types that are being made
        self._nesting = 0

    def add(self, items: Iterable[NamedItem]) -> None:
        """Make the types and functions of `items`. Raises: InvalidWit."""
        included: list[NamedItem] = []
        for item in items:
            names = [name for _, name in item.names] if isinstance(item, UseItem) else [item.name]
            if not names:  # `use path.{};`
                continue
            if self._gates.admit(item.gate, names[0].span):
                included.append(item)
                for name in names:
                    self.take(name)
            else:
                self.withheld.update(name.name for name in names)
                if isinstance(item, ResourceItem):
                    self._gates.check_withheld([(func.gate, func.name) for func in item.functions], item.name)
        for item in included:
            if isinstance(item, UseItem):
                for there, here in item.names:
                    self._items[here.name] = (item.path, there)
            else:
                self._items[item.name.name] = item
        for item in included:
            if isinstance(item, UseItem):
                for _, here in item.names:
                    self.identity(here)
            elif not isinstance(item, FuncItem):
                self.identity(item.name)
        for item in included:
            if isinstance(item, FuncItem):
                self.funcs[item.name.name] = self.func(item.type, item.name.span)
            elif isinstance(item, ResourceItem):
                self._add_resource_funcs(item)

    def take(self, name: Ident) -> None:
        """Give `name` to something. Raises: DuplicateName."""
        other = self._taken.setdefault(name.name.lower(), name)
        if other is not name:
            raise duplicate("name", name, other.span)

    # --- types -------------------------------------------------------------------------------------

    def identity(self, ident: Ident) -> Identity:
        """The type that a name stands for. Raises: WitNameError, RecursiveWit."""
        name = ident.name
        if name in self.types:
            return self.types[name].type
        item = self._items.get(name)
        if item is None:
            raise self._unknown(ident)
        if isinstance(item, FuncItem):
            raise WitNameError(f"'{name}' is a function, not a type", ident.span)
        if name in self._open:
            path = " → ".join((*list(self._open)[list(self._open).index(name) :], name))
            raise RecursiveWit(f"type '{name}' needs itself: {path}", self._open[name].span)
        self._open[name] = item[1] if isinstance(item, tuple) else item.name
        made = self._make(name, item)
        del self._open[name]
        if not isinstance(made, Resource):
            self._check_depth(made, ident)
        self.types[name] = TypeBound(made)
        return made

    def _make(self, name: str, item: TypeItem | ResourceItem | tuple[UsePath, Ident]) -> Identity:
        if isinstance(item, tuple):
            return Alias(self._used(*item), name)
        if isinstance(item, ResourceItem):
            return Resource(name)
        written = item.definition
        if not isinstance(written, WrittenType):
            return Alias(self._nested(lambda: written.map(self.value), item.name.span), name)
        if isinstance(written.what, Ident):
            return Alias(self._nested(lambda: self.identity(cast("Ident", written.what)), written.span), name)
        return Alias(self.value(written), name)

    def _used(self, path: UsePath, name: Ident) -> Identity:
        owner, exports, withheld = self._exports_of(path)
        extern = exports.get(name.name)
        if isinstance(extern, TypeBound):
            return extern.type
        if extern is not None:
            raise WitNameError(f"'{name.name}' of '{owner}' is a function; only types can be used", name.span)
        if name.name in withheld:
            raise InvalidGate(f"'{name.name}' of '{owner}' is @unstable, and its feature is not on", name.span)
        known = [n for n, e in exports.items() if isinstance(e, TypeBound)]
        raise WitNameError(f"'{owner}' has no type '{name.name}'", name.span, advice=nearest(name.name, known))

    def value(self, written: WrittenType) -> ValueType:
        """A type where a value is meant. Raises: InvalidWit."""
        what = written.what
        if isinstance(what, Primitive):
            return what
        if isinstance(what, Ident):
            identity = self._nested(lambda: self.identity(what), what.span)
            return Own(identity) if isinstance(strip(identity), Resource) else identity
        if isinstance(what, (Own, Borrow)):
            return what.map(self._resource)
        made = self._nested(lambda: what.map(self.value), written.span)
        if isinstance(made, MapType) and strip(made.key) not in _KEYS:
            raise InvalidType(
                "the key of a map is bool, char, string or an integer", cast("MapType[WrittenType]", what).key.span
            )
        return made

    def _resource(self, written: WrittenType) -> Identity:
        ident = cast("Ident", written.what)
        identity = self.identity(ident)
        if not isinstance(strip(identity), Resource):
            raise InvalidType(f"'{ident.name}' is not a resource", ident.span)
        return identity

    def _nested(self, make: Callable[[], ValueType], span: Span) -> ValueType:
        """What `make` gives, one level deeper; the stack is not endless, and neither are types."""
        self._nesting += 1
        if self._nesting > MAX_TYPE_DEPTH:
            raise RecursiveWit(f"types are nested more than {MAX_TYPE_DEPTH} deep", span)
        made = make()
        self._nesting -= 1
        return made

    def _check_depth(self, made: Alias, ident: Ident) -> None:
        depth, _ = self._facts.of(made)
        if depth > MAX_TYPE_DEPTH:
            raise RecursiveWit(f"type '{ident.name}' is nested more than {MAX_TYPE_DEPTH} deep", ident.span)

    def _unknown(self, ident: Ident) -> InvalidWit:
        if ident.name in self.withheld:
            return InvalidGate(f"'{ident.name}' is @unstable, and its feature is not on", ident.span)
        advice = {"float32": "the type is 'f32' now", "float64": "the type is 'f64' now"}.get(ident.name)
        known = [name for name, item in self._items.items() if not isinstance(item, FuncItem)]
        return WitNameError(
            f"there is no type '{ident.name}' in {self._what}",
            ident.span,
            advice=advice or nearest(ident.name, [*known, *(p.keyword for p in Primitive)]),
        )

    # --- functions ---------------------------------------------------------------------------------

    def func(self, written: FuncType[WrittenType], span: Span) -> EvaluatedFunc:
        """A function's type. Raises: InvalidWit."""
        made = written.map(self.value)
        if made.result is not None and self._facts.of(made.result)[1]:
            raise InvalidType("a result cannot hold a 'borrow'", span)
        return made

    def _add_resource_funcs(self, item: ResourceItem) -> None:
        resource = self.types[item.name.name].type
        for func in item.functions:
            if self._gates.admit(func.gate, func.name.span):
                label = "" if func.kind is FuncKind.CONSTRUCTOR else f".{func.name.name}"
                name = f"[{func.kind.value}]{item.name.name}{label}"
                self.funcs[name] = self._resource_func(func, resource, item.name.name)

    def _resource_func(self, func: ResourceFunc, resource: Identity, name: str) -> EvaluatedFunc:
        made = self.func(func.type, func.name.span)
        if func.kind is FuncKind.METHOD:
            if any(param.lower() == "self" for param, _ in made.params):
                raise DuplicateName("a method has a parameter 'self' already", func.name.span)
            return FuncType((("self", Borrow(resource)), *made.params), made.result, made.is_async)
        if func.kind is FuncKind.STATIC:
            return made
        if made.result is None:
            return FuncType(made.params, Own(resource), made.is_async)
        if not isinstance(made.result, ResultType) or made.result.ok != Own(resource):
            span = func.type.result.span if func.type.result is not None else func.name.span
            raise InvalidType(f"the constructor of '{name}' gives 'result<{name}, …>' or nothing", span)
        return made
