"""A component that answers `wasi:config`: values that are decided when composing, and never change.

`get(key) -> result<option<string>, error>` and `get-all() -> result<list<tuple<string, string>>, error>`, of
`wasi:config/store` and of `wasi:config/runtime`, as it was called before 0.2.0-rc.1. All answers lie in memory
before anything runs; `get` goes through a table of keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.abi import I32, CoreSignature, MemoryImage, core_signature
from wpkg.component.json_values import Case
from wpkg.component.types import (
    FuncType,
    InstanceType,
    ListType,
    OptionType,
    Primitive,
    ResultType,
    TupleType,
    strip,
)
from wpkg.component.write_core import (
    ADD,
    BLOCK,
    DATA_START,
    DIFFERENT,
    END,
    EQUAL,
    IF,
    LOAD,
    LOAD_BYTE,
    LOOP,
    RETURN,
    CoreFunction,
    branch,
    branch_if,
    const,
    core_module,
    free_all,
    local,
    set_local,
)
from wpkg.compose.errors import Unsupported
from wpkg.compose.lifted import Interfaces, Module, lifted_component
from wpkg.names.extern_name import parse_extern_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import AnyType, EvaluatedFunc, ExternType

_INTERFACES = ("wasi:config/store", "wasi:config/runtime")
_GET, _GET_ALL = "get", "get-all"
_ENTRY = 12  # bytes: address and length of a key, address of the answer
_KEY, _LENGTH, _ANSWER = b"\x00", b"\x04", b"\x08"  # offsets in an entry


def is_configuration(interface: str) -> bool:
    """Whether constants can answer `interface`."""
    name = parse_extern_name(interface)
    return name is not None and name.unversioned in _INTERFACES


def configuring_component(name: str, extern: ExternType, values: Mapping[str, str]) -> bytes:
    """A component that exports the interface `name`, of the type `extern`, with `values`. Raises: Unsupported."""
    functions = {export: item for export, item in _exports(extern).items() if isinstance(item, FuncType)}
    for function, wanted in functions.items():
        if not _is_known(function, wanted):
            raise Unsupported(f"'{name}' has a function '{function}' that constants do not answer")
    image = MemoryImage(DATA_START)
    written = {
        function: _get(wanted, values, image) if function == _GET else _get_all(wanted, values, image)
        for function, wanted in functions.items()
    }
    freeing = {
        function: CoreFunction(body.signature, free_all(image) + body.code, body.locals)
        for function, body in written.items()
    }
    module = Module(core_module(freeing, image, allocates=True), {function: function for function in functions})
    return lifted_component(Interfaces({}, {name: extern}), {name: module})


def _exports(extern: ExternType) -> Mapping[str, ExternType]:
    return extern.exports if isinstance(extern, InstanceType) else {}


def _is_known(name: str, function: EvaluatedFunc) -> bool:
    answer = _answer(function)
    params = [strip(kind) for _, kind in function.params]
    if function.is_async:
        return False
    if name == _GET:
        return params == [Primitive.STRING] and isinstance(answer, OptionType) and _is_text(answer.value)
    pair = strip(answer.element) if name == _GET_ALL and isinstance(answer, ListType) else None
    return (
        not params
        and isinstance(pair, TupleType)
        and len(pair.elements) == len(("key", "value"))
        and all(map(_is_text, pair.elements))
    )


def _answer(function: EvaluatedFunc) -> AnyType | None:
    result = strip(function.result) if function.result is not None else None
    return strip(result.ok) if isinstance(result, ResultType) and result.ok is not None else None


def _is_text(kind: AnyType) -> bool:
    return strip(kind) is Primitive.STRING


def _place(function: EvaluatedFunc, answer: object, image: MemoryImage) -> int:
    if function.result is None:
        raise TypeError("a function without a result")  # its shape was looked at
    return image.place(Case("ok", answer), function.result)


def _get_all(function: EvaluatedFunc, values: Mapping[str, str], image: MemoryImage) -> CoreFunction:
    return CoreFunction(core_signature(function), const(_place(function, sorted(values.items()), image)))


def _get(function: EvaluatedFunc, values: Mapping[str, str], image: MemoryImage) -> CoreFunction:
    table = image.reserve(_ENTRY * len(values), 4)
    for i, (key, value) in enumerate(sorted(values.items())):
        text = key.encode()
        members = (image.bytes(text), len(text), _place(function, Case("some", value), image))
        for k, number in enumerate(members):
            image.number(table + i * _ENTRY + k * 4, number)
    nothing = _place(function, Case("none"), image)
    return CoreFunction(CoreSignature((I32, I32), (I32,)), _search(table, len(values), nothing), locals=2)


def _search(table: int, count: int, nothing: int) -> bytes:
    """Instructions that look for the key at local 0, of length local 1; they leave the address of the answer."""
    key, length, entry, at = map(local, range(4))
    is_another_byte = (
        key + at + ADD + LOAD_BYTE + b"\x00" + entry + LOAD + _KEY + at + ADD + LOAD_BYTE + b"\x00" + DIFFERENT
    )
    return b"".join(
        (
            const(table) + set_local(2),
            BLOCK,
            LOOP,  # over the entries
            entry + const(table + count * _ENTRY) + EQUAL + branch_if(1),
            entry + LOAD + _LENGTH + length + EQUAL + IF,
            const(0) + set_local(3),
            BLOCK,
            LOOP,  # over the bytes of a key
            at + length + EQUAL + IF + entry + LOAD + _ANSWER + RETURN + END,
            is_another_byte + branch_if(1),
            at + const(1) + ADD + set_local(3),
            branch(0),
            END,
            END,
            END,
            entry + const(_ENTRY) + ADD + set_local(2),
            branch(0),
            END,
            END,
            const(nothing),
        )
    )
