from __future__ import annotations

import subprocess
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import asdict

from tests.components import WASM_TOOLS, from_text
from tests.unit.wit.cases import LIB, ONLY_PACKAGES, VALID
from tests.vectors.test_ascription import read_back
from tests.wit import assert_same, binary_package, dummy, from_binary, packages
from wpkg.component.errors import MalformedComponent
from wpkg.component.read import read_definition
from wpkg.component.sections import section
from wpkg.component.write import name
from wpkg.wit.errors import Source, Span
from wpkg.wit.parser import parse_document
from wpkg.wit.printer import print_document
from wpkg.wit.text import WitText, wit_text

PACKAGES = {**VALID, **ONLY_PACKAGES}

DOCUMENTED = """
/// The package,
///
/// in three lines.
package a:b@1.2.0;
/// Of the interface.
@since(version = 1.0.0)
interface i {
  /// Not kept: a use has no docs.
  @since(version = 1.1.0)
  use ns:lib/types@1.0.0.{r};
  use ns:lib/types@1.0.0.{rec};
  /// A record.
  record point {
    /// Right.
    x: u32,
    y: u32,
    /// Of %list.
    %list: list<u8>,
  }
  /// Flags.
  @since(version = 1.0.0)
  @deprecated(version = 1.1.0)
  flags f { /** one */ a, b }
  variant v { /// One case.
    c(u8), d }
  enum e { /// Another.
    g }
  type t = u8;
  /// A resource.
  resource s {
    /// Makes one.
    constructor(x: u8);
    /// Does it.
    @since(version = 1.2.0)
    m: func();
    /// Does it for all.
    n: static func();
  }
  /// A function.
  go: func(p: point, q: borrow<r>) -> rec;
}
/// A world.
world w {
  /// Why.
  import ns:lib/api@1.0.0;
  /// What it is.
  import i;
  /// With a label.
  import label: i;
  /// Without a name.
  import x: interface { /// Deep.
    f: func(); }
  /// In both.
  import both: func();
  /// A type.
  record here { /// Its field.
    a: u8 }
  /// Out.
  export both: func(h: here);
  export x: interface { /// Deeper.
    f: func(); }
  @since(version = 1.1.0)
  export i;
}
"""


def shown(data: bytes) -> WitText:
    return wit_text(memoryview(data), read_definition(memoryview(data)))


def theirs(data: bytes) -> str:
    done = subprocess.run([WASM_TOOLS, "component", "wit"], input=data, capture_output=True, check=True)
    return done.stdout.decode()


def with_docs(data: bytes, docs: bytes) -> bytes:
    """A package without docs, with these."""
    none = section(0, name("package-docs") + b"\x01{}")
    assert data.count(none) == 1
    return data.replace(none, section(0, name("package-docs") + docs))


def bare(node: Any) -> Any:
    """A syntax tree without its places."""
    if isinstance(node, (Span, Source)):
        return None
    if isinstance(node, Struct):
        return type(node).__name__, {key: bare(value) for key, value in asdict(node).items()}
    if isinstance(node, tuple):
        return [bare(item) for item in node]
    return {key: bare(value) for key, value in node.items()} if isinstance(node, dict) else node


@pytest.mark.parametrize("case", [*PACKAGES, "documented"])
def test_what_is_printed_is_parsed_as_the_same_tree(case: str) -> None:
    text = DOCUMENTED if case == "documented" else PACKAGES[case][0]
    tree = parse_document(Source("a.wit", text))
    printed = print_document(tree)
    again = parse_document(Source("b.wit", printed))
    assert bare(again) == bare(tree)
    assert print_document(again) == printed


@pytest.mark.parametrize("case", PACKAGES)
def test_a_binary_package_prints_as_with_wasm_tools_and_reads_as_the_same_types(case: str) -> None:
    data = binary_package(*PACKAGES[case])
    found = shown(data)
    assert found.notes == ()
    assert found.text == theirs(data)
    given, again = from_binary(data), packages(found.text)
    assert set(given.worlds) <= set(again.worlds)
    for world in given.worlds:
        assert_same(again.worlds[world].type, given.worlds[world].type)


@pytest.mark.parametrize("case", VALID)
def test_a_component_of_a_world_prints_as_with_wasm_tools_and_reads_as_the_same_type(case: str) -> None:
    root = PACKAGES[case][0]
    for world in packages(*PACKAGES[case]).worlds:
        if world.startswith("a:b/"):
            data = dummy(world.partition("/")[2].partition("@")[0], root, *PACKAGES[case][1:])
            found = shown(data)
            assert found.text == theirs(data)
            type_ = read_back(read_definition(memoryview(data)).type)
            if found.notes:  # wasm-tools leaves out what its dummies do not need
                assert all(" has less of " in note for note in found.notes)
            else:
                assert_same(packages(found.text).world("root").type, type_)


def test_docs_and_gates_of_a_package_are_printed() -> None:
    data = binary_package(DOCUMENTED, LIB)
    found = shown(data)
    assert (found.text, found.notes) == (theirs(data), ())
    assert "/// The package,\n///\n/// in three lines.\npackage a:b@1.2.0;\n" in found.text
    assert "    /// Right.\n    x: u32,\n" in found.text
    kept = [line.strip() for line in DOCUMENTED.splitlines() if line.strip().startswith("/// ")]
    kept.remove("/// Not kept: a use has no docs.")
    assert [line for line in kept if f"{line}\n" not in found.text] == []


def test_the_first_version_of_docs_is_read() -> None:
    """In which a function has nothing but docs, and what is exported may be with the imports."""
    data = binary_package("package a:b; interface i { f: func(); } world w { export g: func(); }")
    docs = b'\x00{"docs":"P","interfaces":{"i":{"funcs":{"f":"F"}}},"worlds":{"w":{"funcs":{"g":"G"}}}}'
    found = shown(with_docs(data, docs))
    assert found.text == theirs(with_docs(data, docs))
    assert "/// P\npackage a:b;" in found.text
    assert "  /// F\n  f: func();" in found.text
    assert "  /// G\n  export g: func();" in found.text


@pytest.mark.parametrize(
    ("docs", "says"),
    [
        (b"", "of an unknown version"),
        (b"\x02{}", "of an unknown version"),
        (b"\x01{", "cannot be read"),
        (b'\x01{"docs":7}', "cannot be read"),
        (b'\x01{"worlds":' + b'{"a":' * 5000, "cannot be read"),
        (b'\x01{"interfaces":{"i":{"stability":{"stable":{"since":"x"}}}}}', "'x' is not a version"),
    ],
)
def test_docs_that_cannot_be_read_are_a_note(docs: bytes, says: str) -> None:
    data = binary_package("package a:b; interface i { f: func(); }")
    found = shown(with_docs(data, docs))
    assert found.text == shown(data).text
    [note] = found.notes
    assert says in note


def test_docs_of_what_is_not_there_are_passed_over() -> None:
    data = binary_package("package a:b; interface i { f: func(); }")
    docs = b'\x01{"interfaces":{"none":{"docs":"x"},"i":{"funcs":{"g":{"docs":"x"}}}},"worlds":{"w":{"docs":"x"}}}'
    assert shown(with_docs(data, docs)) == shown(data)


def test_docs_cannot_leave_their_comment() -> None:
    data = binary_package("package a:b; interface i { f: func(); }")
    docs = b'\x01{"interfaces":{"i":{"docs":"one\\r\\ntwo\\u202e\\u0007\\rthree"}}}'
    text = shown(with_docs(data, docs)).text
    assert "/// one\n/// two\\u{202e}\\u{7}\rthree\ninterface i" in text
    packages(text)


def test_the_first_encoding_of_wit_packages_is_read() -> None:
    """All of a package in one component type, under the name `ns:pkg/wit`."""
    data = from_text("""(component (type (component
      (import "c:d/dep" (instance (export "t" (type (sub resource)))))
      (alias export 0 "t" (type))
      (export "a:b/i@1.0.0" (instance (alias outer 1 1 (type)) (export "t" (type (eq 0)))
        (type (own 1)) (export "f" (func (result 2)))))
      (type $w (component (export "run" (func))))
      (export "a:b/w@1.0.0" (component (type $w)))
    )) (export "a:b/wit@1.0.0" (type 0)))""")
    found = shown(data)
    assert found.text == theirs(data)
    assert "use c:d/dep.{t};" in found.text
    assert found.notes == ()


NOTES: dict[str, tuple[str, str, str]] = {
    "an imported instance under another name": (
        '(component (import "a:b/c" (instance $i (export "r" (type (sub resource))))) (export "d:e/f" (instance $i)))',
        "  interface f {\n    use a:b/c.{r};\n  }\n",
        "",
    ),
    "an imported instance under its own name": (
        '(component (import "a:b/c" (instance $i (export "r" (type (sub resource))))) (export "a:b/c" (instance $i)))',
        "  import a:b/c;\n\n  export a:b/c;\n",
        "resource 'r' is one and the same wherever 'a:b/c' is imported or exported",
    ),
    "slices of one interface that contradict each other": (
        """(component (import "a:b/c" (instance (export "f" (func (param "x" u8)))))
        (core module $m (func (export "f"))) (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f"))) (instance $i (export "f" (func $f)))
        (export "a:b/c" (instance $i)))""",
        "    f: func(x: u8);\n",
        "'f' of 'a:b/c' is not the same everywhere; shown is the first",
    ),
    "slices of one interface that add to each other": (
        """(component (import "a:b/c" (instance (export "f" (func (param "x" u8)))))
        (import "l" (implements "a:b/c") (instance (export "f" (func (param "x" u8))) (export "g" (func)))))""",
        "    f: func(x: u8);\n\n    g: func();\n",
        "import 'a:b/c' has less of 'a:b/c' than is shown: not 'g'",
    ),
    "a canonical version": (
        '(component (import "a:b/c@0.2" (instance)))',
        "  import a:b/c@0.2.0;\n",
        "'a:b/c@0.2' has a canonical version, of which WIT knows none; shown is 0.2.0",
    ),
    "a canonical version that is completed": (
        '(component (import "a:b/c@0.2" (version-suffix ".7") (instance)))',
        "  import a:b/c@0.2.7;\n",
        "",
    ),
    "two resources that are one": (
        ('(component (type $r (resource (rep i32))) (instance $i (export "a" (type $r)) (export "b" (type $r)))'
        ' (export "c:d/e" (instance $i)))'),
        "    resource a;\n\n    type b = a;\n",
        "",
    ),
    "two resources that are one to somebody else": (
        """(component (type $r' (resource (rep i32)))
        (component $c (import "r" (type $r (sub resource))) (export "a" (type $r)) (export "b" (type $r)))
        (instance $i (instantiate $c (with "r" (type $r')))) (export "c:d/e" (instance $i)))""",
        "    resource a;\n\n    type b = a;\n",
        "",
    ),
    "a used type that is mentioned as it is there": (
        """(component (import "a:b/c" (instance $i (export "r" (type (sub resource))))) (alias export $i "r" (type $r))
        (import "d:e/f" (instance (export "q" (type (eq $r))) (type $own (own $r))
          (export "f" (func (param "x" $own))))))""",
        "  interface f {\n    use a:b/c.{r as q};\n\n    f: func(x: q);\n",
        "",
    ),
    "used types with other attributes": (
        """(component (import "a:b/c" (instance $i (export "r" (type (sub resource))) (export "s" (type (sub resource)))))
        (alias export $i "r" (type $r)) (alias export $i "s" (type $s))
        (import "d:e/f" (instance (export "r" (external-id "x") (type (eq $r))) (export "s" (type (eq $s))))))""",
        '    @external-id("x")\n    use a:b/c.{r};\n    use a:b/c.{s};\n',
        "",
    ),
    "a method of a resource that is used": (
        """(component (import "a:b/c" (instance $i (export "r" (type (sub resource))))) (alias export $i "r" (type $r))
        (import "d:e/f" (instance (export "r" (type $q (eq $r)))
          (export "[method]r.m" (func (param "self" (borrow $q)))))))""",
        "  interface f {\n    use a:b/c.{r};\n  }\n",
        "function '[method]r.m' of 'd:e/f' is of a resource that is not its own",
    ),
    "packages that need each other": (
        """(component (import "a:b/c" (instance $c (export "r" (type (sub resource))))) (alias export $c "r" (type $r))
        (import "d:e/f" (instance $f (export "r" (type (eq $r))) (export "s" (type (sub resource)))))
        (alias export $f "s" (type $s))
        (import "a:b/g" (instance (export "s" (type (eq $s))))))""",
        "  interface g {\n    use d:e/f.{s};\n",
        "packages need each other, which WIT forbids: a:b → d:e → a:b",
    ),
    "an exported method": (
        """(component (type $r' (resource (rep i32))) (export $r "r" (type $r'))
        (core func $drop (canon resource.drop $r)) (func $f (param "self" (borrow $r)) (canon lift (core func $drop)))
        (export "[method]r.m" (func $f)))""",
        "world root {\n}\n",
        "export '[method]r.m' is a method of a resource, which a world cannot have",
    ),
    "a type of functions": (
        '(component (import "a:b/c" (instance (type (func)) (export "t" (type (eq 0))))))',
        "  interface c {\n  }\n",
        "'t' of 'a:b/c' is a type of functions, which WIT does not name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTES)
def test_what_wit_cannot_say_is_a_note(case: str) -> None:
    component, text, note = NOTES[case]
    found = shown(from_text(component))
    assert text in found.text
    assert note in found.notes if note else found.notes == ()


def test_types_that_mean_too_much_are_refused() -> None:
    """Each tuple has the list before it twice, so 40 lines would become 2^40 words."""
    types = [f"(type (tuple {2 * i} {2 * i})) (type (list {2 * i + 1}))" for i in range(40)]
    func = '(export "f" (func (param "x" 80)))'
    data = from_text(f'(component (import "a:b/c" (instance (type (list u8)) {" ".join(types)} {func})))')
    read = read_definition(memoryview(data))
    with pytest.raises(MalformedComponent, match="more than 250000 parts"):
        wit_text(memoryview(data), read)
