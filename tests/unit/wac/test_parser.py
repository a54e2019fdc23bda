"""What documents say, and what is said of those that are none."""

from __future__ import annotations

import pytest

from wpkg.component.types import FuncType, ListType, Primitive
from wpkg.wac.errors import MAX_ERRORS, InvalidDocument
from wpkg.wac.expressions import MAX_NESTING
from wpkg.wac.parser import parse_document
from wpkg.wac.syntax import Document, Export, FuncAlias, Import, Inferred, Let, Named, Nested, New, Spread
from wpkg.wit.errors import InvalidWit, Source
from wpkg.wit.syntax import FuncItem, Ident, InlineInterface, Interface, ResourceItem, TypeItem, UsePath, World


def parse(text: str, head: str = "package a:b;\n") -> Document:
    return parse_document(Source("app.wac", head + text))


def refused(text: str, head: str = "package a:b;\n") -> InvalidWit:
    with pytest.raises(InvalidWit) as caught:
        parse(text, head)
    assert caught.value.exit_code == 2
    return caught.value


def test_the_package_and_its_target() -> None:
    document = parse("", "/// What it is.\npackage a:b@1.0.0-rc.1 targets c:d/w@0.2.0;")
    assert str(document.package) == "a:b@1.0.0-rc.1"
    assert document.docs == ("What it is.",)
    assert document.targets is not None
    assert (str(document.targets.package), document.targets.name.name) == ("c:d@0.2.0", "w")
    assert parse("").targets is None


def test_imports() -> None:
    statements = parse(
        """import i: c:d/e@1.0.0;
        import j as k: c:d/e;
        import l as "c:d/e@2.0.0": interface { f: func(); };
        /// Why.
        import m: async func(a: list<u8, 4>) -> string;
        import n: i;"""
    ).statements
    assert all(isinstance(statement, Import) for statement in statements)
    i, j, inline, m, n = (statement for statement in statements if isinstance(statement, Import))
    assert isinstance(i.type, UsePath)
    assert (i.name.name, i.other, i.type.name.name, str(i.type.package)) == ("i", None, "e", "c:d@1.0.0")
    assert j.other is not None
    assert (j.other.text, j.other.quoted) == ("k", False)
    assert inline.other is not None
    assert (inline.other.text, inline.other.quoted) == ("c:d/e@2.0.0", True)
    assert isinstance(inline.type, InlineInterface)
    assert isinstance(m.type, FuncType)
    assert m.type.is_async
    assert m.docs == ("Why.",)
    assert isinstance(n.type, UsePath)
    assert n.type.package is None


def test_new_and_its_arguments() -> None:
    [statement] = parse('let x = new c:d@1.0.0 { a, ...s, b: y.z, "e:f/g@1.0.0": (new h:i {}), ... };').statements
    assert isinstance(statement, Let)
    new = statement.value.first
    assert isinstance(new, New)
    assert str(new.package) == "c:d@1.0.0"
    inferred, spread, named, quoted = new.arguments
    assert isinstance(inferred, Inferred)
    assert isinstance(spread, Spread)
    assert isinstance(named, Named)
    assert (named.name.text, named.name.quoted, [a.name.text for a in named.value.accesses]) == ("b", False, ["z"])
    assert isinstance(quoted, Named)
    assert quoted.name.quoted
    assert isinstance(quoted.value.first, Nested)
    assert new.rest is not None
    [without] = parse("let x = new c:d { ...s, };").statements
    assert isinstance(without, Let)
    assert isinstance(without.value.first, New)
    assert without.value.first.rest is None


def test_access_step_by_step() -> None:
    [statement] = parse('export e["b-c"].c.d["foo:bar/baz"].%let as x;').statements
    assert isinstance(statement, Export)
    assert isinstance(statement.value.first, Ident)
    assert [(a.name.text, a.name.quoted) for a in statement.value.accesses] == [
        ("b-c", True),
        ("c", False),
        ("d", False),
        ("foo:bar/baz", True),
        ("let", False),
    ]
    assert statement.other is not None
    assert not statement.spread
    [spread] = parse("export new a:b { ... } ...;").statements
    assert isinstance(spread, Export)
    assert spread.spread


def test_types_with_what_wit_has_now() -> None:
    statements = parse(
        """interface i {
          use c:d/e.{r, s as t};
          resource res { constructor(); m: func() -> future<u8>; s: static func(); }
          f: async func(m: map<string, u8>, l: list<u8, 4>) -> stream<u8>;
        }
        world w { include c:d/x with { a as b }; import i; export o: interface { f: func(); }; import p: i; }
        record r { a: u8 } variant v { a(r), b } flags f { a, b } enum e { a } type t = list<r>;"""
    ).statements
    assert [type(statement) for statement in statements] == [Interface, World, *[TypeItem] * 5]
    interface = statements[0]
    assert isinstance(interface, Interface)
    assert any(isinstance(item, ResourceItem) for item in interface.items)


def test_a_name_for_the_type_of_a_function_is_that_type() -> None:
    named, interface, imported = parse(
        """type f = func(a: list<u8>);
        interface i { type g = f; x: g; y: f; }
        import z: f;"""
    ).statements
    assert isinstance(named, FuncAlias)
    assert isinstance(interface, Interface)
    assert isinstance(imported, Import)
    types = [item.type for item in interface.items if isinstance(item, FuncItem)]
    assert types == [imported.type, named.type]
    assert named.name.name == "f"
    assert isinstance(imported.type, FuncType)
    [(name, param)] = imported.type.params
    assert name == "a"
    assert isinstance(param.what, ListType)
    assert param.what.element.what is Primitive.U8
    inside = refused("type gg = func(); interface i { type h = func(); } interface j { x: g; }")
    assert "there is no type of a function called 'g'" in str(inside)
    assert inside.advice == "did you mean 'gg'?"


FAULTS = [
    ("import f: func();", "", (1, 1), "expected 'package', found 'import'", "'package namespace:name;'"),
    ("", "package a;", (1, 10), "expected ':', found ';'", ""),
    ("", "package a:b@1;", (1, 13), "expected a version, found '1'", ""),
    ("", "package a:b target c:d/w;", (1, 13), "expected 'targets' or ';', found 'target'", "'targets'"),
    ("", "package a:b targets w;", (1, 21), "'w' is not the path of a world", "namespace:package/world"),
    ("", "package a:b:c;", (1, 9), "a package has one namespace", ""),
    ("package a:b;", None, (2, 1), "stands only once", ""),
    ("impotr f: func();", None, (2, 1), "found 'impotr'", "did you mean 'import'?"),
    ("import f: func()\nlet x = y;", None, (2, 16), "expected ';', found 'let'", "a statement ends with ';'"),
    ("type x = u32", None, (2, 13), "expected ';', found the end of the text", ""),
    ("let x y;", None, (2, 7), "expected '=', found 'y'", ""),
    ("let new = y;", None, (2, 5), "found the keyword 'new'", "written '%new'"),
    ("let x = new a:b { c d };", None, (2, 21), "expected ',' or '}', found 'd'", ""),
    ("let x = new a:b { ..., c };", None, (2, 19), "expected '}', found ','", "'...' is the last"),
    ("let x = new a:b { c: y, c: z };", None, (2, 25), "argument 'c' is there already", ""),
    ('let x = y["Not A Name"];', None, (2, 11), "is not the name of an import or export", ""),
    ("let x = y[z];", None, (2, 11), "expected the name of an export in quotes, found 'z'", ""),
    ("export x... as y;", None, (2, 13), "'as' cannot stand here", "'export i.item as other;'"),
    ("export x ass y;", None, (2, 10), "found 'ass'", "did you mean 'as'?"),
    ("resource r;", None, (2, 1), "a resource stands in an interface or a world", ""),
    ("record r {}", None, (2, 8), "record 'r' has no members", ""),
    ("let x = (y;", None, (2, 11), "expected ')', found ';'", ""),
    ("import f: func() -> (a: u8, b: u8);", None, (2, 21), "expected a type, found '('", ""),
    ("type f = func(); type f = func();", None, (2, 23), "name 'f' is there already", ""),
]


@pytest.mark.parametrize(("text", "head", "place", "message", "advice"), FAULTS)
def test_a_fault_is_told_with_its_place(
    text: str, head: str | None, place: tuple[int, int], message: str, advice: str
) -> None:
    error = refused(text, "package a:b;\n" if head is None else head)
    assert message in str(error)
    assert (error.line, error.column) == place
    assert str(error).startswith(f"app.wac:{place[0]}:{place[1]}: ")
    assert advice in (error.hint or "")
    assert "^" in (error.hint or "")


def test_the_line_is_shown_with_the_place_underlined() -> None:
    assert (
        refused("let answer = new a:b { c d };").hint
        == "see line 2\nlet answer = new a:b { c d };\n" + " " * 25 + "^"
    )


def test_several_faults_are_told_in_one_run() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(
            """let a = ;
            let b = new c:d { e f; };
            interface i { f: fnc(); }
            import good: func();
            let c = x
let d = ;
            exprt z;"""
        )
    assert [(error.line, error.column) for error in caught.value.errors] == [
        (2, 9),
        (3, 33),
        (4, 30),
        (6, 21),
        (7, 9),
        (8, 13),
    ]
    assert str(caught.value) == "app.wac has 6 errors"
    assert all(str(error) in (caught.value.hint or "") for error in caught.value.errors)
    assert [error["line"] for error in caught.value.details["errors"]] == [2, 3, 4, 6, 7, 8]


def test_there_is_an_end_to_faults() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse("let ;\n" * 100)
    assert len(caught.value.errors) == MAX_ERRORS


def test_nesting_has_a_limit() -> None:
    parse(f"let x = {'(' * (MAX_NESTING - 1)}y{')' * (MAX_NESTING - 1)};")
    assert "nested more than" in refused(f"let x = {'(' * 10000}y{')' * 10000};").message
    parse(f"let x = y{'.z' * 20000};")


def test_keywords_in_names_of_packages() -> None:
    document = parse(
        "import i: interface:type/list; import f: func:map/new; let x = new my:stream {};", "package a:world;"
    )
    assert [statement.docs for statement in document.statements] == [()] * 3
    i, f, x = document.statements
    assert isinstance(i, Import)
    assert isinstance(i.type, UsePath)
    assert i.type.package is not None
    assert i.type.package.extern_name(i.type.name.name) == "interface:type/list"
    assert isinstance(f, Import)
    assert isinstance(f.type, UsePath)
    assert isinstance(x, Let)
    assert isinstance(x.value.first, New)
    assert str(x.value.first.package) == "my:stream"


def test_words_that_only_wit_keeps_for_itself_are_names() -> None:
    [statement] = parse("let stream = async;").statements
    assert isinstance(statement, Let)
    assert statement.name.name == "stream"
