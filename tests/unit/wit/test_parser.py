from __future__ import annotations

import pytest

from wpkg.component.types import FixedList, FuncType, Primitive, Record, ResultType
from wpkg.names.version import Version
from wpkg.wit.errors import DuplicateName, InvalidGate, Source, WitSyntaxError
from wpkg.wit.parser import parse_document
from wpkg.wit.syntax import (
    Document,
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
    World,
    WrittenType,
)


def parse(text: str) -> Document:
    return parse_document(Source("t.wit", text))


def interface(body: str) -> Interface:
    (item,) = parse(f"interface i {{ {body} }}").items
    assert isinstance(item, Interface)
    return item


def world(body: str) -> World:
    (item,) = parse(f"world w {{ {body} }}").items
    assert isinstance(item, World)
    return item


def path_text(path: UsePath) -> str:
    return path.package.extern_name(path.name.name) if path.package is not None else path.name.name


def shape(written: WrittenType) -> object:
    """A type without its spans."""
    if isinstance(written.what, Primitive):
        return written.what.keyword
    if isinstance(written.what, Ident):
        return written.what.name
    members: list[object] = []
    written.what.map(lambda member: members.append(shape(member)))
    length = [written.what.length] if isinstance(written.what, FixedList) else []
    return (type(written.what).__name__, *members, *length)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("u8", "u8"),
        ("error-context", "error-context"),
        ("%u8", "u8"),
        ("list<string>", ("ListType", "string")),
        ("list<u8, 4>", ("FixedList", "u8", 4)),
        ("tuple<u8, a,>", ("TupleType", "u8", "a")),
        ("option<option<bool>>", ("OptionType", ("OptionType", "bool"))),
        ("result", ("ResultType",)),
        ("result<a>", ("ResultType", "a")),
        ("result<a, b>", ("ResultType", "a", "b")),
        ("map<string, list<a>>", ("MapType", "string", ("ListType", "a"))),
        ("stream", ("StreamType",)),
        ("stream<u8>", ("StreamType", "u8")),
        ("future<a>", ("FutureType", "a")),
        ("own<r>", ("Own", "r")),
        ("borrow<r>", ("Borrow", "r")),
    ],
)
def test_types(text: str, wanted: object) -> None:
    (item,) = interface(f"type t = {text};").items
    assert isinstance(item, TypeItem)
    assert isinstance(item.definition, WrittenType)
    assert shape(item.definition) == wanted
    span = item.definition.span
    assert span.source.text[span.start : span.end] == text


def test_a_result_without_ok() -> None:
    (item,) = interface("type t = result<_, u8>;").items
    assert isinstance(item, TypeItem)
    assert isinstance(item.definition, WrittenType)
    assert isinstance(item.definition.what, ResultType)
    assert item.definition.what.ok is None
    assert item.definition.what.error is not None


def test_items_of_an_interface() -> None:
    found = interface(
        """
        use a:b/c@1.2.3-rc.1.{x, y as %type};
        /// what it is
        record r { a: u8, %b: string, }
        variant v { a, b(u8) }
        enum e { a, B-2 }
        flags f { a, b, }
        f: async func(a: u8,) -> string;
        """
    )
    use, record, variant, enum, flags, func = found.items
    assert isinstance(use, UseItem)
    assert path_text(use.path) == "a:b/c@1.2.3-rc.1"
    assert [(old.name, new.name) for old, new in use.names] == [("x", "x"), ("y", "type")]
    assert isinstance(record, TypeItem)
    assert isinstance(record.definition, Record)
    assert record.docs == ("what it is",)
    assert [name for name, _ in record.definition.fields] == ["a", "b"]
    assert [type(i.definition).__name__ for i in (variant, enum, flags) if isinstance(i, TypeItem)] == [
        "Variant", "EnumType", "Flags",
    ]  # fmt: skip
    assert isinstance(func, FuncItem)
    assert func.type.is_async
    assert [name for name, _ in func.type.params] == ["a"]


def test_resources() -> None:
    small, large = interface(
        "resource a; resource b { constructor(x: u8) -> result<b>; m: func(); s: static async func(); }"
    ).items
    assert isinstance(small, ResourceItem)
    assert isinstance(large, ResourceItem)
    assert small.functions == ()
    assert [(f.kind, f.name.name, f.type.is_async) for f in large.functions] == [
        (FuncKind.CONSTRUCTOR, "constructor", False),
        (FuncKind.METHOD, "m", False),
        (FuncKind.STATIC, "s", True),
    ]


def test_items_of_a_world() -> None:
    found = world(
        """
        import a; export a:b/c;
        import f: func(); export g: async func() -> u8;
        import i: interface { h: func(); }
        import primary: a:b/c@0.1.0; export local: b;
        include a:b/w with { x as y, z as w } include v;
        use a.{t}; type u = t;
        """
    )
    kinds = [
        (item.is_import, item.label.name if item.label else None, type(item.what))
        for item in found.items
        if isinstance(item, ExternItem)
    ]
    assert kinds == [
        (True, None, UsePath),
        (False, None, UsePath),
        (True, "f", FuncType),
        (False, "g", FuncType),
        (True, "i", InlineInterface),
        (True, "primary", UsePath),
        (False, "local", UsePath),
    ]
    includes = [item for item in found.items if isinstance(item, IncludeItem)]
    assert [(path_text(i.path), len(i.renames)) for i in includes] == [("a:b/w", 2), ("v", 0)]


def test_a_label_and_a_package_are_told_apart_by_the_space() -> None:
    (labelled,) = world("import a: b;").items
    assert isinstance(labelled, ExternItem)
    assert labelled.label is not None
    with pytest.raises(
        WitSyntaxError, match="expected '/' and the name of an interface or world in package 'a:b'"
    ):
        world("import a:b;")
    for what in ("func()", "async func()"):
        (labelled,) = world(f"import a:{what};").items
        assert isinstance(labelled, ExternItem)
        assert isinstance(labelled.what, FuncType)
    assert world("import a:interface {}").items


def test_packages() -> None:
    found = parse(
        """
        /// the whole
        package a:b@1.0.0;
        use c:d/e as f;
        package x:y { interface i {} }
        package x:y@0.1.0-a.1+b.2 { world w {} use i; }
        """
    )
    assert str(found.id) == "a:b@1.0.0"
    assert found.docs == ("the whole",)
    assert [str(nested.id) for nested in found.nested] == ["x:y", "x:y@0.1.0-a.1+b.2"]
    (use,) = found.items
    assert isinstance(use, TopLevelUse)
    assert use.alias.name == "f"


def test_gates() -> None:
    (item,) = interface(
        '@since(version = 1.2.0) @deprecated(version = 1.3.0) @external-id("é\\"") f: func();'
    ).items
    assert isinstance(item, FuncItem)
    assert item.gate.since == Version(1, 2, 0)
    assert item.gate.deprecated == Version(1, 3, 0)
    assert item.gate.external_id == 'é"'
    (item,) = interface("@unstable(feature = my-feature) f: func();").items
    assert isinstance(item, FuncItem)
    assert item.gate.unstable == "my-feature"


SYNTAX = [
    ("interface i { f: func() -> }", 1, 28, "expected a type, found '}'", None),
    ("interface i {\n  f func();\n}", 2, 5, "expected ':' after 'f', found 'func'", None),
    ("interface list {}", 1, 11, "expected a name, found the keyword 'list'", "'%list'"),
    ("interface i { Foo: func(); }", 1, 15, "'Foo' is not a name", "lower or all in upper case"),
    ("interface i { a--b: func(); }", 1, 15, "'a--b' is not a name", None),
    ("world w { improt a; }", 1, 11, "expected 'import', 'export', 'include', 'use', a type or '}', found 'improt'", "did you mean 'import'?"),
    ("interfce i {}", 1, 1, "expected 'use', 'interface', 'world' or 'package', found 'interfce'", "did you mean 'interface'?"),
    ("package a:b@1.2;", 1, 13, "expected a version, found '1'", None),
    ("package a:b@01.2.3;", 1, 13, "'01.2.3' is not a version", "MAJOR.MINOR.PATCH"),
    ("package a:b@1.2.3_4;", 1, 13, "'1.2.3_4' is not a version", None),
    ("package a:b; package c:d;", 1, 22, "'package …;' stands only at the top of a file", "'{'"),
    ("package a:b { package c:d {} }", 1, 15, "a package stands at the top level, not in a package", None),
    ("interface i { type t = list<u8, 0>; }", 1, 33, "expected the length of a list", None),
    ("interface i { type t = list<u8, 4294967296>; }", 1, 33, "expected the length of a list", None),
    ("interface i { type t = tuple<>; }", 1, 30, "expected a type, found '>'", None),
    ("interface i { type t = result<_>; }", 1, 32, "expected ',', found '>'", None),
    ("interface i { type t = borrow<u8>; }", 1, 31, "found the keyword 'u8'", None),
    ("interface i { record r {} }", 1, 22, "record 'r' has no members", None),
    ("interface i { variant r {} }", 1, 23, "variant 'r' has no members", None),
    ("interface i { resource r { f: static func() } }", 1, 45, "expected ';', found '}'", None),
    ("world w { include a with { b as a:c } }", 1, 34, "expected '}', found ':'", None),
    ("interface i {", 1, 14, "expected a function, a type, 'use' or '}', found the end of the text", None),
    ("interface i { @since f: func(); }", 1, 22, "expected '(', found 'f'", None),
    ("interface i { @sinse(version = 1.0.0) f: func(); }", 1, 16, "expected 'since', 'unstable'", "did you mean 'since'?"),
    ("interface i { @external-id(a) f: func(); }", 1, 28, "expected a string, found 'a'", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "said", "advice"), SYNTAX, ids=[case[0] for case in SYNTAX])
def test_syntax_errors_say_where_and_what(
    text: str, line: int, column: int, said: str, advice: str | None
) -> None:
    with pytest.raises(WitSyntaxError) as caught:
        parse(text)
    error = caught.value
    assert said in error.message
    assert error.exit_code == 2
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"t.wit:{line}:{column}: ")
    assert error.hint is not None
    first, shown, marks = error.hint.splitlines()
    assert shown == text.splitlines()[line - 1]
    assert marks.index("^") == column - 1
    assert advice is None or advice in first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("interface i { record r { a: u8, A: u8 } }", "field 'A' is there already, in line 1"),
        ("interface i { variant r { a, a(u8) } }", "case 'a'"),
        ("interface i { enum r { a, b,\n a } }", "label 'a' is there already, in line 1"),
        ("interface i { flags r { a, A } }", "label 'A'"),
        ("interface i { f: func(a: u8, a: u8); }", "parameter 'a'"),
        ("interface i { resource r { a: func(); a: static func(); } }", "name 'a'"),
        (
            "interface i { resource r { constructor(); constructor(a: u8); } }",
            "the 'constructor' is there already",
        ),
    ],
)
def test_members_have_different_names(text: str, said: str) -> None:
    with pytest.raises(DuplicateName, match=said):
        parse(text)


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ("@since(version = 1.0.0) @unstable(feature = x)", "either @since a version or @unstable"),
        ("@deprecated(version = 1.0.0)", "only beside @since or @unstable"),
        ("@since(version = 1.0.0) @since(version = 1.0.0)", "@since stands here twice"),
    ],
)
def test_gates_that_cannot_be(gates: str, said: str) -> None:
    with pytest.raises(InvalidGate, match=said):
        parse(f"interface i {{ {gates} f: func(); }}")


def test_types_are_nested_so_deep_and_no_deeper() -> None:
    assert interface(f"type t = {'list<' * 100}u8{'>' * 100};").items
    with pytest.raises(WitSyntaxError, match="nested more than 100 deep"):
        interface(f"type t = {'list<' * 5000}u8{'>' * 5000};")
    assert interface(
        "".join(f"type t{i} = list<list<u8>>;" for i in range(200))
    ).items  # side by side is not nested
