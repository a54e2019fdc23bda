"""From syntax tree to composition (wac's LANGUAGE.md, "Statements"), from top to bottom.

Here names are looked up and every fault in them is told; whether types fit is for `wpkg.compose` to find, and
what it finds is said with the place in the document. Of a name whose statement is at fault nothing more is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.definitions import Attribute
from wpkg.component.types import ComponentType, FuncType, InstanceType, TypeBound
from wpkg.compose.errors import (
    ArgumentMismatch,
    ExportConflict,
    SplitResources,
    UnmergeableImports,
    UnnamedType,
)
from wpkg.compose.graph import Exported, Item, Of
from wpkg.compose.items import type_of
from wpkg.compose.match import importable
from wpkg.compose.written import Written, plan_written
from wpkg.errors import CompositionError
from wpkg.names.extern_name import parse_extern_name, uniqueness_key
from wpkg.wac.errors import InvalidExpression, MissingArgument, placed, raise_all
from wpkg.wac.needs import instances_of
from wpkg.wac.syntax import Export, Import, Inferred, Let, Nested, New, Spread
from wpkg.wit.errors import DuplicateName, InvalidWit, WitNameError, nearest
from wpkg.wit.syntax import Ident
from wpkg.wit.targets import DoesNotConform, compare_with_world
from wpkg.wit.tokens import duplicate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wpkg.component.types import ExternType
    from wpkg.compose.graph import Node, Plan
    from wpkg.wac.interfaces import Stated
    from wpkg.wac.needs import Instance
    from wpkg.wac.syntax import Access, Document, Expression, Statement
    from wpkg.wit.errors import Span
    from wpkg.wit.packages import WitWorld


class Value(Struct, frozen=True):
    """What an expression stands for.

    `name` is that of the import or export that it is, None for an instance made. `interface` is the one that it
    implements under another name.
    """

    item: Item
    extern: ExternType
    name: str | None
    interface: str | None = None


class Evaluated(Struct, frozen=True):
    """A composition as it is written, and where."""

    written: Written
    arguments: Mapping[tuple[str, str], Span]  # node and import
    nodes: Mapping[str, Span]
    exports: Mapping[str, Span]
    target: WitWorld | None
    target_span: Span


def evaluate(document: Document, nodes: Mapping[str, Node], stated: Stated) -> Evaluated:
    """What `document` says; `nodes` are the components of its instances, by their names.

    Raises: InvalidWit, InvalidDocument where several things are wrong.
    """
    return _Evaluator(document, nodes, stated).evaluated()


def plan_document(evaluated: Evaluated) -> Plan:
    """The plan that a document is. Raises: CompositionError, with the place in the document."""
    try:
        plan = plan_written(evaluated.written)
    except CompositionError as error:
        span = _place(error, evaluated)
        raise placed(error, span) if span is not None else error from None
    if evaluated.target is not None:
        imports = {residual.name: residual.extern for residual in plan.residuals}
        exports = {exported.name: type_of(plan, exported.item) for exported in plan.exported}
        found = compare_with_world(ComponentType(imports, exports), evaluated.target.type).findings
        if found:
            raise placed(DoesNotConform("the composition", evaluated.target.name, found), evaluated.target_span)
    return plan


def _place(error: CompositionError, evaluated: Evaluated) -> Span | None:
    match error:
        case ArgumentMismatch():
            return evaluated.arguments[error.importer, error.name]
        case SplitResources() | UnnamedType():
            return evaluated.nodes.get(error.importer)
        case UnmergeableImports():
            return evaluated.nodes.get(error.importers[1])
        case ExportConflict():
            return evaluated.exports.get(error.name)
    return None


class _AtFault(Exception):
    """A name is used whose own statement is at fault."""


class _Evaluator:
    def __init__(self, document: Document, nodes: Mapping[str, Node], stated: Stated) -> None:
        self._document = document
        self._nodes = nodes
        self._stated = stated
        self._instances: dict[int, Instance] = {i.offset: i for i in instances_of(document)}
        self._names: dict[str, Ident] = {}
        self._defined = {
            each.name: Value(Item(each.name, of=Of.DEFINITION), each.extern, None) for each in stated.defined
        }
        self._values: dict[str, Value | None] = {}  # None where the statement is at fault
        self._made: list[Node] = []
        self._arguments: dict[tuple[str, str], Item] = {}
        self._argument_spans: dict[tuple[str, str], Span] = {}
        self._node_spans: dict[str, Span] = {}
        self._exports: dict[str, tuple[Exported, Span]] = {}  # by uniqueness key

    def evaluated(self) -> Evaluated:
        errors: list[InvalidWit] = []
        for statement in self._document.statements:
            try:
                self._statement(statement)
            except _AtFault:
                continue
            except InvalidWit as error:
                errors.append(error)
        raise_all(errors)
        written = Written(
            tuple(self._made),
            self._arguments,
            self._stated.imports,
            tuple(exported for exported, _ in self._exports.values()),
            self._stated.defined,
        )
        spans = {exported.name: span for exported, span in self._exports.values()}
        document = self._document
        return Evaluated(
            written=written,
            arguments=self._argument_spans,
            nodes=self._node_spans,
            exports=spans,
            target=self._stated.target,
            target_span=(document.targets or document.package).span,
        )

    # --- statements --------------------------------------------------------------------------------

    def _statement(self, statement: Statement) -> None:
        if isinstance(statement, Export):
            self._export(statement)
            return
        other = self._names.setdefault(statement.name.name, statement.name)
        if other is not statement.name:
            raise duplicate("name", statement.name, other.span)
        name = statement.name.name
        if isinstance(statement, Let):
            self._values[name] = None
            self._values[name] = self._expression(statement.value)
        elif isinstance(statement, Import):
            found = self._stated.local[name]
            item = Item(found.name, of=Of.IMPORT)
            self._values[name] = Value(item, found.extern, found.name, self._stated.interfaces.get(name))
        elif name in self._defined:
            self._values[name] = None
            self._add_export(name, self._defined[name], statement.name.span)
            self._values[name] = self._defined[name]

    def _export(self, statement: Export) -> None:
        value = self._expression(statement.value)
        span = statement.value.span
        if statement.spread:
            instance = self._instance(value, span, "spread")
            added = 0
            for name in instance.exports:
                if uniqueness_key(name) not in self._exports:
                    self._add_export(name, _inside(value, instance, name), span)
                    added += 1
            if not added:
                said = "all of its exports are exported already" if instance.exports else "it exports nothing"
                raise InvalidExpression(f"there is nothing to spread here: {said}", span)
            return
        if statement.other is not None:
            self._forget_own_name(value)
            self._add_export(statement.other.text, value, statement.other.span)
        elif value.item.of is Of.DEFINITION:
            raise InvalidExpression(
                f"type '{value.item.origin}' is exported already, as what a document defines",
                span,
                advice="give it another name: 'export … as \"name\";'",
            )
        elif value.name is None:
            raise InvalidExpression(
                "nothing says what this export is called", span, advice="name it: 'export … as \"name\";'"
            )
        else:
            self._add_export(value.interface or value.name, value, span)

    def _forget_own_name(self, value: Value) -> None:
        """Let a type that is defined, and is exported under another name, not be exported under its own."""
        if value.item.of is Of.DEFINITION:
            key = uniqueness_key(value.item.origin)
            exported, _ = self._exports.get(key, (None, None))
            if exported is not None and exported.item == value.item:
                del self._exports[key]

    def _add_export(self, name: str, value: Value, span: Span) -> None:
        known = self._exports.get(uniqueness_key(name))
        if known is not None:
            line, _ = known[1].source.position(known[1].start)
            raise DuplicateName(f"export '{name}' is there already, in line {line}", span)
        self._exports[uniqueness_key(name)] = (Exported(name, value.item), span)

    # --- expressions -------------------------------------------------------------------------------

    def _expression(self, expression: Expression) -> Value:
        first = expression.first
        match first:
            case Ident():
                value = self._local(first)
            case Nested(inner):
                value = self._expression(inner)
            case New():
                value = self._new(first)
        span = first.span
        for access in expression.accesses:
            value = self._access(value, access, span)
            span = span.to(access.span)
        return value

    def _local(self, ident: Ident) -> Value:
        if ident.name in self._values:
            value = self._values[ident.name]
            if value is None:
                raise _AtFault
            return value
        later = [s.name for s in self._document.statements if not isinstance(s, Export)]
        for name in later:
            if name.name == ident.name:
                line, _ = name.span.source.position(name.span.start)
                raise WitNameError(
                    f"'{ident.name}' is not there yet, it comes in line {line}",
                    ident.span,
                    advice="a document is read from top to bottom: move that statement up",
                )
        raise WitNameError(
            f"there is no '{ident.name}' here", ident.span, advice=nearest(ident.name, self._values)
        )

    def _instance(self, value: Value, span: Span, done: str) -> InstanceType:
        if not isinstance(value.extern, InstanceType):
            raise InvalidExpression(f"only an instance can be {done}, and this is a {_kind(value.extern)}", span)
        return value.extern

    def _access(self, value: Value, access: Access, span: Span) -> Value:
        instance = self._instance(value, span, "accessed")
        exports = instance.exports
        name = access.name.text
        if not access.name.quoted:
            name = _by_last_word(name, exports, access.name.span, "exports")
        if name not in exports:
            raise WitNameError(f"there is no export '{name}'", access.name.span, advice=_among(name, exports))
        return _inside(value, instance, name)

    def _new(self, new: New) -> Value:
        instance = self._instances[new.span.start]
        node = self._nodes[instance.name]
        imports = node.component.imports
        given: dict[str, tuple[Value, Span]] = {}
        for argument in new.arguments:
            if isinstance(argument, Spread):
                continue
            if isinstance(argument, Inferred):
                value = self._local(argument.name)
                name = _inferred(argument.name, value, imports)
            else:
                value = self._expression(argument.value)
                name = argument.name.text
                if not argument.name.quoted:
                    name = _by_last_word(name, imports, argument.name.span, "imports")
            span = argument.name.span
            if name not in imports:
                raise WitNameError(f"'{new.package}' does not import '{name}'", span, advice=_among(name, imports))
            if name in given:
                raise DuplicateName(f"import '{name}' is given twice", span)
            given[name] = (value, argument.span)
        for argument in new.arguments:
            if isinstance(argument, Spread):
                self._spread(argument, node, given)
        wanted = importable(node)
        missing = [name for name in wanted if name not in given]
        if missing and new.rest is None:
            named = ", ".join(f"'{name}'" for name in missing)
            raise MissingArgument(
                f"nothing is given for {named} of '{new.package}'",
                new.package.span,
                advice="let the composition import what is missing: end with '...'",
            )
        self._check_implicit(missing, new.rest)
        self._made.append(node)
        self._node_spans[node.name] = new.package.span
        for name, (value, span) in given.items():
            self._arguments[node.name, name] = value.item
            self._argument_spans[node.name, name] = span
        made = InstanceType(node.component.exports, (), node.component.export_attributes)
        return Value(Item(node.name), made, None)

    def _spread(self, argument: Spread, node: Node, given: dict[str, tuple[Value, Span]]) -> None:
        value = self._local(argument.name)
        instance = self._instance(value, argument.name.span, "spread")
        found = [name for name in importable(node) if name not in given and name in instance.exports]
        if not found:
            raise InvalidExpression(
                f"'{argument.name.name}' has no export for an import that is left", argument.span
            )
        for name in found:
            given[name] = (_inside(value, instance, name), argument.span)

    def _check_implicit(self, missing: Sequence[str], rest: Span | None) -> None:
        stated = {found.name: local for local, found in self._stated.local.items()}
        for name in missing:
            if name in stated and rest is not None:
                raise DuplicateName(
                    f"'...' would import '{name}' a second time",
                    rest,
                    advice=f"give the import that is there: '{stated[name]}'",
                )


def _inside(value: Value, instance: InstanceType, name: str) -> Value:
    """The export `name` of `instance`, which `value` is."""
    item = value.item
    interface = dict(instance.attributes.get(name, ())).get(Attribute.IMPLEMENTS)
    return Value(Item(item.origin, (*item.path, name), item.of), instance.exports[name], name, interface)


def _kind(extern: ExternType) -> str:
    match extern:
        case FuncType():
            return "function"
        case TypeBound():
            return "type"
        case ComponentType():
            return "component"
    return "core module"


def _last_word(name: str) -> str | None:
    """The interface of an interface name, None for a plain name."""
    parsed = parse_extern_name(name)
    return parsed.interface if parsed is not None else None


def _by_last_word(word: str, names: Iterable[str], span: Span, what: str) -> str:
    """The only one of `names` that is a path which ends with `word`; else `word`. Raises: InvalidExpression."""
    found = [name for name in names if _last_word(name) == word]
    if len(found) == 1:
        return found[0]
    if found and word not in names:
        named = " and ".join(f"'{name}'" for name in found)
        raise InvalidExpression(
            f"several {what} are called '{word}': {named}", span, advice=f'write the whole name: "{found[0]}"'
        )
    return word


def _inferred(local: Ident, value: Value, imports: Mapping[str, ExternType]) -> str:
    """The import that a local name alone is for (LANGUAGE.md, "Inferred Arguments")."""
    for name in (value.interface, value.name):
        if name is not None and name in imports:
            return name
    return _by_last_word(local.name, imports, local.span, "imports")


def _among(name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    last = [other for other in known if _last_word(other) == name]
    near = nearest(name, [*known, *filter(None, map(_last_word, known))])
    if len(last) > 1 or near is None:
        return f"there are {', '.join(known)}" if known else "there are none"
    return near
