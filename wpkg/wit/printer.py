"""From syntax tree to text, laid out as `wasm-tools component wit` does it.

Two spaces a level. Types and functions of an interface are set apart by an empty line, `use` statements and the
imports of a world are not, and neither are its exports among themselves. Packages in a document stand two lines
apart. The text reads back as the tree that it was printed from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
from wpkg.wit.keywords import escaped
from wpkg.wit.lexer import FORBIDDEN
from wpkg.wit.syntax import (
    ExternItem,
    FuncItem,
    FuncKind,
    Ident,
    IncludeItem,
    InlineInterface,
    Interface,
    ResourceItem,
    TopLevelUse,
    TypeItem,
    UseItem,
    UsePath,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wpkg.wit.syntax import (
        Document,
        Gate,
        InterfaceItem,
        PackageId,
        PackageItem,
        ResourceFunc,
        World,
        WorldItem,
        WrittenType,
    )

_INDENT = "  "
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9\-_./: ]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def print_document(document: Document) -> str:
    """The text of a document, an empty line at its end only where its last item is an interface."""
    lines: list[str] = []
    if document.id is not None:
        lines += [*docs_lines(document.docs), f"package {_package(document.id)};", ""]
    for item in document.items:
        lines += _package_item(item)
        if isinstance(item, Interface):
            lines.append("")
    for i, nested in enumerate(document.nested):
        lines += ["", ""] if i else []
        inside = [line for item in nested.items for line in _package_item(item)]
        lines += [*docs_lines(nested.docs), *_block(f"package {_package(nested.id)}", inside)]
    return "".join(f"{line}\n" for line in lines)


def _package(package: PackageId) -> str:
    version = f"@{package.version}" if package.version else ""
    return f"{escaped(package.namespace)}:{escaped(package.name)}{version}"


def _path(path: UsePath) -> str:
    if path.package is None:
        return escaped(path.name.name)
    package, at, version = _package(path.package).partition("@")
    return f"{package}/{escaped(path.name.name)}{at}{version}"


def _block(head: str, inside: Iterable[str]) -> Iterator[str]:
    yield f"{head} {{"
    yield from (f"{_INDENT}{line}" if line else "" for line in inside)
    yield "}"


def docs_lines(docs: Sequence[str]) -> Iterator[str]:
    """The lines of documentation comments."""
    for text in docs:
        for line in text.removesuffix("\n").split("\n"):
            yield f"/// {FORBIDDEN.sub(_escape, line.removesuffix(chr(13)))}".rstrip(" ")


def _gate(gate: Gate) -> Iterator[str]:
    if gate.since is not None:
        yield f"@since(version = {gate.since})"
    if gate.unstable is not None:
        yield f"@unstable(feature = {gate.unstable})"
    if gate.deprecated is not None:
        yield f"@deprecated(version = {gate.deprecated})"
    if gate.external_id is not None:
        yield f'@external-id("{_NOT_PLAIN.sub(_escape, gate.external_id)}")'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{{{ord(match[0]):x}}}"


# --- packages, interfaces, worlds ----------------------------------------------------------------------


def item_lines(item: PackageItem | TypeItem) -> Iterator[str]:
    """The lines of an interface, a world, a `use`, or a type, the lines that they contain indented."""
    yield from _type_statement(item) if isinstance(item, TypeItem) else _package_item(item)


def inline_interface_lines(interface: InlineInterface) -> Iterator[str]:
    """The lines of an interface without a name."""
    yield from _block("interface", _interface_items(interface.items))


def _package_item(item: PackageItem) -> Iterator[str]:
    if isinstance(item, TopLevelUse):
        alias = "" if item.alias.name == item.path.name.name else f" as {escaped(item.alias.name)}"
        yield f"use {_path(item.path)}{alias};"
        return
    yield from (*docs_lines(item.docs), *_gate(item.gate))
    if isinstance(item, Interface):
        yield from _block(f"interface {escaped(item.name.name)}", _interface_items(item.items))
    else:
        yield from _block(f"world {escaped(item.name.name)}", _world_items(item))


def _interface_items(items: Sequence[InterfaceItem]) -> Iterator[str]:
    for i, item in enumerate(items):
        if i and not isinstance(item, UseItem):
            yield ""
        if isinstance(item, FuncItem):
            yield from (*docs_lines(item.docs), *_gate(item.gate))
            yield f"{escaped(item.name.name)}: {func_text(item.type)};"
        else:
            yield from _type_statement(item)


def _world_items(world: World) -> Iterator[str]:
    previous: WorldItem | None = None
    for item in world.items:
        if previous is not None and _stands_apart(previous, item):
            yield ""
        previous = item
        if isinstance(item, ExternItem):
            yield from _extern(item)
        elif isinstance(item, IncludeItem):
            yield from _gate(item.gate)
            renames = f" with {{ {_names(item.renames)} }}" if item.renames else ";"
            yield f"include {_path(item.path)}{renames}"
        else:
            yield from _type_statement(item)


def _stands_apart(previous: WorldItem, item: WorldItem) -> bool:
    if isinstance(item, ExternItem):
        return not item.is_import and (not isinstance(previous, ExternItem) or previous.is_import)
    return isinstance(item, (TypeItem, ResourceItem))


def _extern(item: ExternItem) -> Iterator[str]:
    yield from (*docs_lines(item.docs), *_gate(item.gate))
    head = "import " if item.is_import else "export "
    if item.label is not None:
        head += f"{escaped(item.label.name)}: "
    if isinstance(item.what, InlineInterface):
        yield from _block(f"{head}interface", _interface_items(item.what.items))
    elif isinstance(item.what, UsePath):
        yield f"{head}{_path(item.what)};"
    else:
        yield f"{head}{func_text(item.what)};"


def _names(names: Iterable[tuple[Ident, Ident]]) -> str:
    return ", ".join(
        escaped(old.name) if old.name == new.name else f"{escaped(old.name)} as {escaped(new.name)}"
        for old, new in names
    )


# --- types ---------------------------------------------------------------------------------------------


def _type_statement(item: UseItem | TypeItem | ResourceItem) -> Iterator[str]:
    if isinstance(item, UseItem):
        yield from _gate(item.gate)
        yield f"use {_path(item.path)}.{{{_names(item.names)}}};"
        return
    yield from (*docs_lines(item.docs), *_gate(item.gate))
    name = escaped(item.name.name)
    if isinstance(item, ResourceItem):
        functions = [line for func in item.functions for line in _resource_func(func)]
        yield from _block(f"resource {name}", functions) if functions else (f"resource {name};",)
        return
    what = item.definition
    match what:
        case Record(fields):
            keyword, members = "record", [(n, f"{escaped(n)}: {_type(field)}") for n, field in fields]
        case Variant(cases):
            keyword, members = "variant", [(n, f"{escaped(n)}{_payload(case)}") for n, case in cases]
        case Flags(labels):
            keyword, members = "flags", [(n, escaped(n)) for n in labels]
        case EnumType(labels):
            keyword, members = "enum", [(n, escaped(n)) for n in labels]
        case _:
            yield f"type {name} = {_type(what)};"
            return
    inside = [line for n, text in members for line in (*docs_lines(item.member_docs.get(n, ())), f"{text},")]
    yield from _block(f"{keyword} {name}", inside)


def _payload(payload: WrittenType | None) -> str:
    return "" if payload is None else f"({_type(payload)})"


def _resource_func(func: ResourceFunc) -> Iterator[str]:
    yield from (*docs_lines(func.docs), *_gate(func.gate))
    if func.kind is FuncKind.CONSTRUCTOR:
        yield f"constructor{_signature(func.type)};"
    else:
        static = "static " if func.kind is FuncKind.STATIC else ""
        yield f"{escaped(func.name.name)}: {static}{func_text(func.type)};"


def func_text(func: FuncType[WrittenType]) -> str:
    """The type of a function."""
    return f"{'async ' if func.is_async else ''}func{_signature(func)}"


def _signature(func: FuncType[WrittenType]) -> str:
    params = ", ".join(f"{escaped(name)}: {_type(param)}" for name, param in func.params)
    return f"({params})" + ("" if func.result is None else f" -> {_type(func.result)}")


def _type(written: WrittenType) -> str:
    what = written.what
    match what:
        case Primitive():
            return what.keyword
        case Ident(name):
            return escaped(name)
        case ListType(element):
            return f"list<{_type(element)}>"
        case FixedList(element, length):
            return f"list<{_type(element)}, {length}>"
        case TupleType(elements):
            return f"tuple<{', '.join(map(_type, elements))}>"
        case OptionType(value):
            return f"option<{_type(value)}>"
        case ResultType(ok, error):
            return _generic("result", "_" if ok is None and error is not None else ok, error)
        case Own(resource):
            return f"own<{_type(resource)}>"
        case Borrow(resource):
            return f"borrow<{_type(resource)}>"
        case StreamType(payload):
            return _generic("stream", payload)
        case FutureType(payload):
            return _generic("future", payload)
        case MapType(key, value):
            return f"map<{_type(key)}, {_type(value)}>"
        case _:
            raise TypeError(f"{type(what).__name__} is defined, not written where it is used")


def _generic(name: str, *arguments: WrittenType | str | None) -> str:
    written = [a if isinstance(a, str) else _type(a) for a in arguments if a is not None]
    return f"{name}<{', '.join(written)}>" if written else name
