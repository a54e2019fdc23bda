"""WAC: a tree printed reads back, layout changes nothing and is stable, and no text is worse than a fault."""

from __future__ import annotations

import gc
import re
import time
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wac.bare import bare
from tests.unit.wac.test_layout import UNTIDY
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
from wpkg.errors import WpkgError
from wpkg.names.version import Version
from wpkg.wac.errors import InvalidDocument
from wpkg.wac.layout import format_document
from wpkg.wac.parser import parse_document
from wpkg.wac.printer import print_document
from wpkg.wac.syntax import (
    Access,
    Document,
    Export,
    Expression,
    FuncAlias,
    Import,
    Inferred,
    Let,
    Name,
    Named,
    Nested,
    New,
    Spread,
)
from wpkg.wit.errors import InvalidWit, Source, Span
from wpkg.wit.lexer import comments_between, tokenize
from wpkg.wit.syntax import (
    FuncItem,
    FuncKind,
    Gate,
    Ident,
    InlineInterface,
    Interface,
    PackageId,
    ResourceFunc,
    ResourceItem,
    TypeItem,
    UseItem,
    UsePath,
    WrittenType,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")


def build(make: Callable[..., Made], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Made]:
    return st.tuples(*arguments).map(lambda drawn: make(*drawn))


NOWHERE = Span(Source("made", ""), 0, 0)
WORDS = ["a", "b-c", "let", "new", "targets", "type", "interface", "func", "u8", "x1", "as", "world", "map"]
SEMVER = ["1.0.0", "0.2.0-rc.1+b.2", "10.20.30"]
names = st.sampled_from(WORDS)
idents = names.map(lambda name: Ident(name, NOWHERE))
distinct = st.lists(names, min_size=1, max_size=3, unique=True).map(tuple)
docs = st.lists(st.sampled_from(["What it is.", "*/ /* // `;` }"]), max_size=2).map(tuple)
packages = build(PackageId, names, names, st.sampled_from(["", *SEMVER]), st.just(NOWHERE))
whole_paths = build(UsePath, packages, idents, st.just(NOWHERE))
gates = st.sampled_from([Gate(), Gate(since=Version.parse("1.0.0")), Gate(unstable="a-b")])
written_names = st.one_of(
    build(Name, names, st.just(False), st.just(NOWHERE)),
    build(Name, st.sampled_from(["a", "a:b/c@1.0.0", "[method]r.m"]), st.just(True), st.just(NOWHERE)),
)


def written(what: st.SearchStrategy[object]) -> st.SearchStrategy[WrittenType]:
    return build(WrittenType, what, st.just(NOWHERE))


resources = written(idents)


def larger(inner: st.SearchStrategy[WrittenType]) -> st.SearchStrategy[WrittenType]:
    some = st.none() | inner
    return written(
        st.one_of(
            build(ListType, inner),
            build(FixedList, inner, st.integers(1, 9)),
            build(TupleType, st.lists(inner, min_size=1, max_size=3).map(tuple)),
            build(OptionType, inner),
            build(ResultType, some, some),
            build(MapType, inner, inner),
            build(StreamType, some),
            build(FutureType, some),
        )
    )


leaves = st.one_of(
    written(st.sampled_from(list(Primitive))), resources, written(build(Own, resources) | build(Borrow, resources))
)
types = st.recursive(leaves, larger, max_leaves=4)


def members(item: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[tuple[str, object], ...]]:
    return distinct.flatmap(lambda keys: st.tuples(*(st.tuples(st.just(key), item) for key in keys)))


params = st.just(()) | members(types)
funcs = build(FuncType, params, st.none() | types, st.booleans())
definitions = st.one_of(
    build(Record, members(types)),
    build(Variant, members(st.none() | types)),
    build(Flags, distinct),
    build(EnumType, distinct),
    types,
)
type_items = build(TypeItem, idents, definitions, gates, docs)
methods = build(
    ResourceFunc, st.sampled_from([FuncKind.METHOD, FuncKind.STATIC]), idents, funcs, gates, docs
).filter(lambda func: func.name.name != "r")
resource_items = build(
    ResourceItem, st.just(Ident("r", NOWHERE)), st.lists(methods, max_size=1).map(tuple), gates, docs
)
renamed = st.one_of(idents.map(lambda ident: (ident, ident)), st.tuples(idents, idents))
uses = build(UseItem, whole_paths, st.lists(renamed, min_size=1, max_size=3).map(tuple), gates)
func_items = build(FuncItem, idents, funcs, gates, docs)
items = st.lists(st.one_of(uses, resource_items, type_items, func_items), max_size=3).map(tuple)


def deeper(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    unnamed = build(Inferred, idents) | build(Spread, idents, st.just(NOWHERE))
    named = st.lists(build(Named, written_names, inner), max_size=3, unique_by=lambda named: named.name.text)
    arguments = st.tuples(named, st.lists(unnamed, max_size=2)).map(lambda both: (*both[0], *both[1]))
    new = build(New, packages, arguments, st.sampled_from([None, NOWHERE]), st.just(NOWHERE))
    return expression(new | build(Nested, inner, st.just(NOWHERE)))


def expression(first: st.SearchStrategy[object]) -> st.SearchStrategy[Expression]:
    accesses = st.lists(build(Access, written_names, st.just(NOWHERE)), max_size=3).map(tuple)
    return build(Expression, first, accesses, st.just(NOWHERE))


expressions = st.recursive(expression(idents), deeper, max_leaves=5)
statements = st.one_of(
    build(
        Import,
        idents,
        st.none() | written_names,
        whole_paths | funcs | build(InlineInterface, items),
        docs,
        st.just(NOWHERE),
    ),
    build(Let, idents, expressions, docs, st.just(NOWHERE)),
    build(Export, expressions, st.none() | written_names, st.just(False), docs, st.just(NOWHERE)),
    build(Export, expressions, st.none(), st.just(True), docs, st.just(NOWHERE)),
    build(Interface, idents, items, gates, docs),
    type_items.filter(lambda item: not isinstance(item.definition, FuncType)),
)
aliases = build(FuncAlias, st.just(Ident("fn", NOWHERE)), funcs, docs)  # which nothing is called by
documents = build(
    Document,
    st.just(Source("made", "")),
    packages,
    st.none() | whole_paths,
    st.tuples(st.lists(aliases, max_size=1), st.lists(statements, max_size=5)).map(
        lambda both: (*both[0], *both[1])
    ),
    docs,
)


@given(documents)
def test_a_tree_printed_reads_back(document: Document) -> None:
    text = print_document(document)
    assert bare(parse_document(Source("made", text))) == bare(document), text
    assert format_document(Source("made", text)) == text


# --- layout ----------------------------------------------------------------------------------------

COMMENTS = [
    "// c\n",
    "\n// c\n",
    "\n\n// c\n\n",
    "/* c */",
    "\n/* c */ ",
    "/* c\n  d */",
    "\n",
    "\n\n\n",
    "  ",
    "\r\n",
]


def comments_of(source: Source) -> list[str]:
    tokens = tokenize(source)
    found: list[str] = []
    position = 0
    for token in tokens:
        spans = comments_between(source, position, token.span.start)
        found += [source.text[span.start : span.end].rstrip() for span in spans]
        position = token.span.end
    return found


@given(documents, st.data())
def test_layout_keeps_what_is_said_and_every_comment(document: Document, data: st.DataObject) -> None:
    printed = Source("made", print_document(document))
    pieces: list[str] = []
    position = 0
    for token in tokenize(printed):
        pieces.append(printed.text[position : token.span.start])
        if data.draw(st.integers(0, 5)) == 0:
            pieces.append(data.draw(st.sampled_from(COMMENTS)))
        pieces.append(token.text)
        position = token.span.end
    untidy = Source("made", "".join(pieces))
    try:
        meant = parse_document(untidy)
    except WpkgError:
        return  # a comment within a name
    tidy = Source("made", format_document(untidy))
    assert bare(parse_document(tidy)) == bare(meant)
    assert sorted(comments_of(tidy)) == sorted(comments_of(untidy))
    assert format_document(tidy) == tidy.text
    assert not re.search(r"[ \t]\n", re.sub(r"/\*.*?\*/", "c", tidy.text, flags=re.DOTALL))


# --- what is no document ---------------------------------------------------------------------------

TOKENS = [
    *WORDS,
    *"{}()<>[];:,.=@",
    "...",
    "->",
    '"a"',
    '"',
    "import",
    "export",
    "package",
    "a:b",
    "//",
    "/*",
    "*/",
    "\n",
    "é",
    "1.0.0",
    "_",
]


def check(text: str) -> None:
    try:
        parse_document(Source("made", text))
        format_document(Source("made", text))
    except InvalidDocument as error:
        found = error.errors
    except InvalidWit as error:
        found = (error,)
    else:
        return
    for one in found:
        assert one.span is not None
        assert 0 <= one.span.start <= one.span.end <= len(text)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text(text: str) -> None:
    check(text)


@given(st.lists(st.sampled_from(TOKENS), max_size=60), st.sampled_from(["", "package a:b;"]))
def test_any_tokens(tokens: list[str], head: str) -> None:
    check(head + " ".join(tokens))


@given(st.integers(0, len(UNTIDY)), st.integers(0, 5), st.sampled_from(["", *TOKENS]))
def test_a_document_with_a_hole(start: int, length: int, instead: str) -> None:
    check(UNTIDY[:start] + instead + UNTIDY[start + length :])


REPEATED = {
    "statements": "let x = new c:d { a, b: y.z, ... };\n",
    "faults": "let x = new c:d { a b };\n",
    "open braces": "interface i {\n",
    "open brackets": "export (\n",
    "accesses": ".y",
    "comments": "/* /* */ */ // x\n",
    "half comments": "/* ",
    "arguments": "x: y,",
    "strings": '"a',
    "aliases": "type f = func(); interface i { type f = func(); g: f; }\n",
}


def test_time_grows_with_the_length() -> None:
    """Sixteen times the text takes about sixteen times as long; 256 times would be quadratic."""
    for what, unit in REPEATED.items():
        times = []
        for count in (500, 8000):
            text = "package a:b;\n" + ("export x" if what == "accesses" else "") + unit * count
            if what == "arguments":
                text = "package a:b;\nlet x = new c:d {" + "".join(f"x{i}: y," for i in range(count))
            times.append(max(min(_seconds(text) for _ in range(2)), 0.002))
        assert times[1] < 64 * times[0], what


def _seconds(text: str) -> float:
    """Without looking for garbage: that goes through everything that a run of all tests has made."""
    gc.disable()
    try:
        start = time.process_time()
        check(text)
        return time.process_time() - start
    finally:
        gc.enable()
