from __future__ import annotations

import pytest

from tests.components import from_text, from_wit
from wpkg.component.errors import MalformedComponent, NotAComponent
from wpkg.component.read import read_component
from wpkg.component.types import Alias, FuncType, InstanceType, Primitive, Record, Resource, TypeBound, strip
from wpkg.component.write import signed_leb
from wpkg.errors import InvalidInput

LIB = """package ns:lib@1.0.0;
interface types { resource r { get: func() -> string; } record rec { x: u32 } }
interface api { use types.{r, rec}; make: func() -> r;
  show: async func(x: rec, y: list<u8>) -> result<_, string>; }
"""


def exports_of(data: bytes, name: str) -> InstanceType:
    extern = read_component(memoryview(data)).exports[name]
    assert isinstance(extern, InstanceType)
    return extern


def test_imports_and_exports_are_in_the_order_of_the_component() -> None:
    data = from_wit("import ns:lib/types@1.0.0; import b: func(); export ns:lib/api@1.0.0; export a: func();", LIB)
    component = read_component(memoryview(data))
    assert list(component.imports) == ["ns:lib/types@1.0.0", "b"]
    assert set(component.exports) == {"ns:lib/api@1.0.0", "a"}


def test_exports_without_ascription_are_evaluated_through_the_shim_that_makes_them() -> None:
    api = exports_of(from_wit("export ns:lib/api@1.0.0;", LIB), "ns:lib/api@1.0.0")
    show = api.exports["show"]
    assert isinstance(show, FuncType)
    assert show.is_async
    assert [name for name, _ in show.params] == ["x", "y"]
    record = strip(show.params[0][1])
    assert isinstance(record, Record)
    assert record.fields == (("x", Primitive.U32),)


def test_a_use_leads_to_the_type_of_the_interface_that_owns_it() -> None:
    data = from_wit("import ns:lib/types@1.0.0; import ns:lib/api@1.0.0; export f: func();", LIB)
    imports = read_component(memoryview(data)).imports
    types, api = imports["ns:lib/types@1.0.0"], imports["ns:lib/api@1.0.0"]
    assert isinstance(types, InstanceType)
    assert isinstance(api, InstanceType)
    own, used = types.exports["r"], api.exports["r"]
    assert isinstance(own, TypeBound)
    assert isinstance(used, TypeBound)
    assert isinstance(own.type, Resource)
    assert isinstance(used.type, Alias)
    assert used.type.target is own.type


def test_one_instance_type_imported_twice_makes_two_resources() -> None:
    data = from_text("""(component
      (type $t (instance (export "r" (type (sub resource)))))
      (import "a" (instance (type $t)))
      (import "b" (instance (type $t))))""")
    imports = read_component(memoryview(data)).imports
    resources = []
    for name in ("a", "b"):
        instance = imports[name]
        assert isinstance(instance, InstanceType)
        bound = instance.exports["r"]
        assert isinstance(bound, TypeBound)
        resources.append(bound.type)
    assert resources[0] is not resources[1]


def test_instantiating_a_component_twice_makes_two_resources() -> None:
    data = from_text("""(component
      (component $c (type $r (resource (rep i32))) (export "r" (type $r)))
      (instance $i (instantiate $c))
      (instance $j (instantiate $c))
      (export "i" (instance $i))
      (export "j" (instance $j)))""")
    exports = read_component(memoryview(data)).exports  # read once: each reading has resources of its own
    found = []
    for name in ("i", "j"):
        instance = exports[name]
        assert isinstance(instance, InstanceType)
        bound = instance.exports["r"]
        assert isinstance(bound, TypeBound)
        found.append(strip(bound.type))
    assert isinstance(found[0], Resource)
    assert found[0] is not found[1]


def test_an_argument_that_does_not_fit_is_named() -> None:
    good = from_text("""(component
      (component $c (import "f" (func (param "a" u32))))
      (import "g" (func $g (param "a" u32)))
      (instance (instantiate $c (with "f" (func $g)))))""")
    read_component(memoryview(good))
    bad = good.replace(b"\x01a\x79", b"\x01a\x77", 1)  # the first parameter becomes a u64
    assert bad != good
    with pytest.raises(MalformedComponent, match="argument 'f' of an instantiation does not fit: .*u64"):
        read_component(memoryview(bad))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"(component)", "text"),
        (b"package a:b; interface i { f: func(); }", "text"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", "not WebAssembly"),
        (b"\0asm", "cut off"),
        (b"\0asm\x0d\0\x01", "cut off"),
        (b"\0asm\x0c\0\x01\0", "unknown version"),
    ],
)
def test_what_is_no_component_is_called_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises(NotAComponent, match=said):
        read_component(memoryview(data))


def test_a_wit_package_is_called_one() -> None:
    package = from_text("""(component
      (type (component (type (instance (export "f" (func)))) (export "a:b/i" (instance (type 0)))))
      (export "i" (type 0)))""")
    with pytest.raises(NotAComponent, match="WIT package"):
        read_component(memoryview(package))


SMALL = from_wit("import ns:lib/types@1.0.0; export ns:lib/api@1.0.0;", LIB)


def test_a_component_cut_off_anywhere_is_refused_or_ends_at_a_section() -> None:
    whole = list(read_component(memoryview(SMALL)).exports)
    accepted = 0
    for length in range(len(SMALL)):
        try:
            found = read_component(memoryview(SMALL[:length]))
        except InvalidInput:
            continue
        accepted += 1
        assert list(found.exports) != whole or length > len(SMALL) * 0.6  # only names can be missing
    assert accepted < 60


def test_trailing_bytes_are_refused() -> None:
    for junk in (b"\x01", b"\xff\x00", b"\x00\xff\xff\xff\xff\x0f"):
        with pytest.raises(MalformedComponent):
            read_component(memoryview(SMALL + junk))


@pytest.mark.parametrize(
    "section",
    [
        b"\x07\xff\xff\xff\xff\x0f",  # 4 GB of types
        b"\x04\xff\xff\xff\xff\x0f",  # a component of 4 GB
        b"\x07\x05\xff\xff\xff\xff\x0f",  # 4 billion types in five bytes
        b"\x0a\x08\x01\x00\xff\xff\xff\xff\x0fa",  # a name of 4 GB
        b"\x07\x80\x80\x80\x80\x80\x80\x00",  # a size that never ends
    ],
)
def test_declared_sizes_are_compared_with_what_is_there_before_anything_is_made(section: bytes) -> None:
    with pytest.raises(MalformedComponent):
        read_component(memoryview(b"\0asm\x0d\0\x01\0" + section))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (SMALL[:-3], r"section 0x00 of \d+ bytes ends beyond the file"),
        (b"\0asm\x0d\0\x01\0\x07\xff\xff\xff\xff\x0f", r"section 0x07 of 4294967295 bytes ends beyond the file"),
        (b"\0asm\x0d\0\x01\0\x07\x05\xff\xff\xff\xff\x0f", "4294967295 items cannot fit into what is left"),
        (
            b"\0asm\x0d\0\x01\0\x0a\x08\x01\x00\xff\xff\xff\xff\x0fa",
            "a name of 4294967295 bytes is over the limit",
        ),
        (b"\0asm\x0d\0\x01\0\x01\x08\0asm\x0d\0\x01\0", "expected the preamble of a core module"),
        (b"\0asm\x0d\0\x01\0\x04\x08\0asm\x01\0\0\0", "expected the preamble of a component"),
        (b"\0asm\x0d\0\x01\0\x0d\x00", "unknown section 0x0d"),
        (b"\0asm\x0d\0\x01\0\x00\x03\x05ab", "unexpected end"),
        (b"\0asm\x0d\0\x01\0\x00\x03\x02\xff\xfe", "malformed UTF-8"),
        (b"\0asm\x0d\0\x01\0\x07\x04\x01\x7f\x7f\x7f", "longer than what it holds"),
        (b"\0asm\x0d\0\x01\0\x02\x05\x01\x00\x00\x00\x00", "longer than what it holds"),
        (b"\0asm\x0d\0\x01\0\x02\x06\x01\x00\x00\x01\x00\x00", "expected 12 .core instance., found 00"),
    ],
)
def test_what_is_broken_is_said_in_one_sentence_with_the_place(data: bytes, said: str) -> None:
    with pytest.raises(MalformedComponent, match=rf"^malformed component: .*{said}.* \(at byte 0x[0-9a-f]+\)$"):
        read_component(memoryview(data))


@pytest.mark.parametrize(("depth", "readable"), [(10, True), (60, False)])
def test_nested_component_types_are_compared_within_the_budget(depth: int, readable: bool) -> None:  # noqa: FBT001
    """Equality is compared both ways at each level: without a budget, 60 levels would never end."""
    lines = [
        f'(type $c{i + 1} (component (type (component)) (alias outer 1 {i} (type $t)) (export "a" (type (eq $t)))))'
        for i in range(depth)
    ]
    types = f"(type $c0 (component)) {' '.join(lines)}"
    inner = f'(component $x {types} (import "t" (type (eq $c{depth}))))'
    data = from_text(f'(component {inner} {types} (instance (instantiate $x (with "t" (type $c{depth})))))')
    if readable:
        read_component(memoryview(data))
    else:
        with pytest.raises(MalformedComponent, match="its types have more than"):
            read_component(memoryview(data))


def test_a_scope_full_of_instance_types_does_not_take_quadratic_time() -> None:
    import time

    exports = "".join(f'(export "t{i}" (type $r)) (export "i{i}" (type $i))' for i in range(2000))
    data = from_text(
        f'(component (type $r (record (field "a" u8))) (type $i (instance (export "f" (func)))) {exports})'
    )
    start = time.process_time()
    read_component(memoryview(data))
    assert time.process_time() - start < 2


def test_deep_nesting_is_refused() -> None:
    data = b"\0asm\x0d\0\x01\0"
    for _ in range(200):
        body = data
        size = bytearray()
        n = len(body)
        while n >= 0x80:
            size.append(n & 0x7F | 0x80)
            n >>= 7
        size.append(n)
        data = b"\0asm\x0d\0\x01\0\x04" + bytes(size) + body
    with pytest.raises(MalformedComponent, match="nested more than 100 deep"):
        read_component(memoryview(data))


def doubling(depth: int, wrap: str) -> str:
    """Types each of which holds the one before twice: a text of `depth` lines that means 2^depth parts."""
    lines = [f"(type $l{i} (list $t{i})) (type $t{i + 1} (tuple $l{i} $l{i}))" for i in range(depth)]
    return f"(component (type $t0 (tuple u8 u8)) {' '.join(lines)} {wrap.format(depth)})"


def test_types_that_mean_exponentially_much_are_read_compared_shown_and_written_in_linear_time() -> None:
    from tests.components import node, planned, written
    from wpkg.component.describe import describe_extern
    from wpkg.compose.encode import encode

    importer = from_text(doubling(45, '(import "f" (func (param "x" $t{0})))'))
    exporter = from_text(
        doubling(45, '(import "g" (func $g (param "x" $t{0}))) (export "f" (func $g))'),
    )
    shown = describe_extern(node("x", importer).component.imports["f"])
    assert len(shown) < 1000
    parts = {"root": importer, "dep": exporter}
    # Not validated: other readers refuse types of this size, which is their good right.
    result = written(encode(planned(parts, "root")), parts)
    assert list(read_component(memoryview(result)).imports) == ["g"]


def test_instances_that_multiply_are_refused_and_do_not_hang() -> None:
    lines = ['(component $c0 (type $r (resource (rep i32))) (export "r" (type $r)))']
    lines += [
        f"(component $c{i + 1} (instance $a (instantiate $c{i})) (instance $b (instantiate $c{i}))"
        f' (export "a" (instance $a)) (export "b" (instance $b)))'
        for i in range(60)
    ]
    # Each component aliases the one before from the enclosing scope, so all of them stand side by side.
    from tests.components import wasm_tools

    data = wasm_tools("parse", data=f"(component {' '.join(lines)} (instance (instantiate $c60)))".encode())
    with pytest.raises(MalformedComponent, match="its types have more than"):
        read_component(memoryview(data))


@pytest.mark.parametrize(("depth", "readable"), [(90, True), (101, False), (5000, False)])
def test_types_are_nested_so_deep_and_no_deeper(depth: int, readable: bool) -> None:  # noqa: FBT001
    from tests.components import compose
    from wpkg.component.sections import leb, section

    types = b"\x70\x7d" + b"".join(b"\x70" + leb(i) if i < 64 else b"\x70" + signed_leb(i) for i in range(depth))
    data = b"\0asm\x0d\0\x01\0" + section(0x07, leb(depth + 1) + types)
    data += section(0x07, b"\x01\x40\x01\x01x" + signed_leb(depth) + b"\x01\x00")
    data += section(0x0A, b"\x01\x00\x01f\x01" + leb(depth + 1))
    if readable:
        data += section(0x07, b"\x01\x40\x00\x01\x00") + section(0x0A, b"\x01\x00\x01h\x01" + leb(depth + 2))
        assert world_of(compose({"root": data, "dep": from_wit("export h: func();")}, "root")) == 1
    else:
        with pytest.raises(MalformedComponent, match="a type is nested more than 100 deep"):
            read_component(memoryview(data))


def world_of(data: bytes) -> int:
    return len(read_component(memoryview(data)).imports)
