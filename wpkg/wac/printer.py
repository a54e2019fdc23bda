"""From syntax tree to text. The text reads back as the tree that it was printed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.wac.layout import format_document
from wpkg.wac.syntax import Export, FuncAlias, Import, Inferred, Let, Named, Nested, New
from wpkg.wit.errors import Source
from wpkg.wit.keywords import escaped
from wpkg.wit.printer import docs_lines, func_text, inline_interface_lines, item_lines
from wpkg.wit.syntax import Ident, InlineInterface, UsePath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.wac.syntax import Argument, Document, Expression, Name, Statement

_OWN = frozenset({"let", "new", "targets"})


def print_document(document: Document, comments: tuple[str, ...] = ()) -> str:
    """The text of a document, laid out, below `comments`."""
    targets = f" targets {_path(document.targets)}" if document.targets is not None else ""
    lines = [
        *(f"// {comment}".rstrip() for comment in comments),
        *docs_lines(document.docs),
        f"package {document.package}{targets};",
        "",
        *(line for statement in document.statements for line in _statement(statement)),
    ]
    return format_document(Source(document.source.name, "".join(f"{line}\n" for line in lines)))


def local_name(name: str) -> str:
    """A local name as it is written."""
    return f"%{name}" if name in _OWN else escaped(name)


def _statement(statement: Statement) -> Iterator[str]:
    if not isinstance(statement, (Import, Let, Export, FuncAlias)):
        yield from item_lines(statement)
        return
    yield from docs_lines(statement.docs)
    if isinstance(statement, FuncAlias):
        yield f"type {local_name(statement.name.name)} = {func_text(statement.type)};"
        return
    if isinstance(statement, Let):
        yield f"let {local_name(statement.name.name)} = {_expression(statement.value)};"
        return
    other = f" as {_name(statement.other)}" if statement.other is not None else ""
    if isinstance(statement, Export):
        yield f"export {_expression(statement.value)}{'...' if statement.spread else other};"
        return
    yield f"import {local_name(statement.name.name)}{other}: "
    what = statement.type
    if isinstance(what, InlineInterface):
        yield from inline_interface_lines(what)
    else:
        yield _path(what) if isinstance(what, UsePath) else func_text(what)
    yield ";"


def _path(path: UsePath) -> str:
    """Keywords in names of packages stand there as they are."""
    return local_name(path.name.name) if path.package is None else path.package.extern_name(path.name.name)


def _name(name: Name) -> str:
    return f'"{name.text}"' if name.quoted else local_name(name.text)


def _expression(expression: Expression) -> str:
    first = expression.first
    match first:
        case Ident(name):
            text = local_name(name)
        case Nested(value):
            text = f"({_expression(value)})"
        case New():
            text = _new(first)
    return text + "".join(
        f"[{_name(a.name)}]" if a.name.quoted else f".{_name(a.name)}" for a in expression.accesses
    )


def _new(new: New) -> str:
    arguments = [_argument(argument) for argument in new.arguments]
    if new.rest is not None:
        arguments.append("...")
    return f"new {new.package} {{ {', '.join(arguments)} }}"


def _argument(argument: Argument) -> str:
    if isinstance(argument, Inferred):
        return local_name(argument.name.name)
    if isinstance(argument, Named):
        return f"{_name(argument.name)}: {_expression(argument.value)}"
    return f"...{local_name(argument.name.name)}"
