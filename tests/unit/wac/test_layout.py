"""Documents laid out."""

from __future__ import annotations

import pytest

from tests.unit.wac.bare import bare
from wpkg.wac.layout import WIDTH, format_document
from wpkg.wac.parser import parse_document
from wpkg.wac.printer import print_document
from wpkg.wit.errors import InvalidWit, Source

UNTIDY = """\
/// What it is.
package   example:app@1.0.0-rc.1 targets wasi:http/proxy@0.2.0;
// first

import g:example:greeter/greeter; // behind
import f as "a:b/c@1.0.0": async func(a:u32,b:list<u8,4>,)->result<_,stream<u8>>;
type fn=func(x:map<string,u8>);
interface i { use a:b/c@0.1.0.{r,s as t};
 resource res { constructor(); m:static func()->future; }
 type ff = fn; x:ff; record q{a:u8,b:option<tuple<u8,>>}}
import inl: interface { @since(version = 1.0.0) h: func(); };
let a=new foo:bar{};



/* before */ let d = new foo:bar@3.0.0 { a, // why
"b":(new foo:bar{ }),c:c /* in */, ...q, ...};
let e = // because
 new foo:bar{a,b};
world w { include x with { a as b } import a:c/d; export d: interface { x: func(); }; import k: fn; }
export new foo:bar{...}...;
export (a).b as %let;
enum n {a,b,
// last
}
// end"""
TIDY = """\
/// What it is.
package example:app@1.0.0-rc.1 targets wasi:http/proxy@0.2.0;

// first

import g: example:greeter/greeter; // behind
import f as "a:b/c@1.0.0": async func(a: u32, b: list<u8, 4>) -> result<_, stream<u8>>;
type fn = func(x: map<string, u8>);
interface i {
  use a:b/c@0.1.0.{r, s as t};
  resource res {
    constructor();
    m: static func() -> future;
  }
  type ff = fn;
  x: ff;
  record q {
    a: u8,
    b: option<tuple<u8>>,
  }
}
import inl: interface {
  @since(version = 1.0.0)
  h: func();
};
let a = new foo:bar {};

/* before */ let d = new foo:bar@3.0.0 {
  a, // why
  "b": (new foo:bar {}),
  c: c, /* in */
  ...q,
  ...
};
let e = // because
  new foo:bar { a, b };
world w {
  include x with { a as b }
  import a:c/d;
  export d: interface {
    x: func();
  };
  import k: fn;
}
export new foo:bar { ... }...;
export (a).b as %let;
enum n {
  a,
  b,
  // last
}
// end
"""


def laid_out(text: str) -> str:
    return format_document(Source("app.wac", text))


def test_an_untidy_document() -> None:
    assert laid_out(UNTIDY) == TIDY
    assert laid_out(TIDY) == TIDY
    assert bare(parse_document(Source("a", TIDY))) == bare(parse_document(Source("a", UNTIDY)))


def test_a_row_that_is_too_long_has_one_member_a_line() -> None:
    names = ", ".join(f"argument-{i}" for i in range(9))
    text = laid_out(f"package a:b; let x = new c:d {{ {names} }};")
    assert [line for line in text.splitlines() if "argument" in line] == [f"  argument-{i}," for i in range(9)]
    params = ", ".join(f"argument-{i}: u8" for i in range(7))
    text = laid_out(f"package a:b; import f: func({params}) -> u8;")
    assert text.endswith("  argument-6: u8,\n) -> u8;\n")
    assert all(len(line) <= WIDTH for line in text.splitlines())


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_line_ends_become_newlines(line_end: str) -> None:
    assert laid_out(UNTIDY.replace("\n", line_end)) == TIDY


def test_a_document_with_a_fault_is_not_laid_out() -> None:
    with pytest.raises(InvalidWit):
        laid_out("package a:b; let x")


def test_a_tree_printed_reads_back() -> None:
    document = parse_document(Source("a", UNTIDY))
    text = print_document(document, ("made by hand",))
    assert text.startswith("// made by hand\n/// What it is.\npackage example:app@1.0.0-rc.1 targets ")
    assert bare(parse_document(Source("a", text))) == bare(document)


def test_a_comment_within_a_type_does_not_end_the_statement() -> None:
    text = laid_out("package a:b; type t = list<list<u8> // c\n>;")
    assert text == "package a:b;\n\ntype t = list<list<u8> // c\n  >;\n"
    assert laid_out(text) == text
