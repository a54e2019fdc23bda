"""Interfaces of any types: what denies them is valid, is of their type, and returns the error that it can make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.furnished import called
from tests.vectors.test_ascription import complaint
from wpkg.component.json_values import to_json
from wpkg.component.read import read_component
from wpkg.component.substitute import Substitution
from wpkg.component.subtype import check_extern
from wpkg.component.types import (
    Alias,
    Borrow,
    ComponentType,
    EnumType,
    FixedList,
    Flags,
    FuncType,
    FutureType,
    InstanceType,
    ListType,
    MapType,
    OptionType,
    Own,
    Primitive,
    Record,
    Resource,
    ResultType,
    StreamType,
    TupleType,
    TypeBound,
    Variant,
)
from wpkg.compose.denial import denying_component, saying_so
from wpkg.workflow.host import Trapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.types import (
        ExternType,
    )
    from wpkg.compose.graph import Denial

NAME = "a:b/c@1.0.0"
PRIMITIVES = [primitive for primitive in Primitive if primitive is not Primitive.ERROR_CONTEXT]
LABELS = ("a", "other", "access-denied", "not-supported", "b", "unknown")
QUICK = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@st.composite
def composites(draw: st.DrawFn, pool: Sequence[Any], *, plain: bool = False) -> Any:
    """A type without a name, of those in `pool`; `plain` for what wasmtime's Python package takes."""
    one = st.sampled_from(pool)
    kinds = [
        st.builds(ListType, one),
        st.builds(OptionType, one),
        st.builds(ResultType, st.none() | one, st.none() | one),
    ]
    kinds.append(st.builds(TupleType, st.lists(one, min_size=1, max_size=20).map(tuple)))
    if not plain:
        kinds += [
            st.builds(FixedList, one, st.integers(1, 20) | st.just(1000)),
            st.builds(MapType, st.just(Primitive.STRING), one),
        ]
        kinds += [st.builds(StreamType, st.none() | one), st.builds(FutureType, st.none() | one)]
    return draw(st.one_of(kinds))


@st.composite
def named(draw: st.DrawFn, pool: Sequence[Any]) -> Any:
    """A type that needs a name."""
    one = st.sampled_from(pool)
    labels = st.lists(st.sampled_from(LABELS), min_size=1, max_size=5, unique=True)
    names = draw(labels)
    many = tuple(f"l{i}" for i in range(draw(st.sampled_from([1, 8, 9, 17, 32]))))
    return draw(
        st.one_of(
            st.just(EnumType(tuple(names))),
            st.just(Flags(many)),
            st.just(EnumType((*(f"l{i}" for i in range(300)), "access-denied"))),
            st.builds(Record, st.tuples(*[st.tuples(st.just(name), one) for name in names])),
            st.builds(Variant, st.tuples(*[st.tuples(st.just(name), st.none() | one) for name in names])),
        )
    )


@st.composite
def interfaces(draw: st.DrawFn, *, plain: bool = False) -> InstanceType:
    """An interface with a resource and some types, of which functions take and return everything."""
    resource = Resource("r")
    exports: dict[str, ExternType] = {"r": TypeBound(resource)}
    pool: list[Any] = list(PRIMITIVES)
    if not plain:
        pool.append(Own(resource))
    for i in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            pool.append(draw(composites(pool, plain=plain)))
        else:
            alias = Alias(draw(named(pool)), f"t{i}")
            exports[f"t{i}"] = TypeBound(alias)
            pool.append(alias)
    one = st.sampled_from(pool)
    for i in range(draw(st.integers(1, 4))):
        kinds: list[Any] = [] if plain else draw(st.lists(one | st.just(Borrow(resource)), max_size=20))
        params = tuple((f"p{k}", kind) for k, kind in enumerate(kinds))
        result = draw(st.builds(ResultType, st.none() | one, st.none() | one) if plain else st.none() | one)
        exports[f"f{i}"] = FuncType(params, result, not plain and draw(st.booleans()))
    return InstanceType(exports)


def denying(interface: InstanceType, denial: Denial) -> bytes:
    return denying_component(ComponentType({NAME: interface}, {}), {NAME: denial})


@QUICK
@given(interfaces(), st.sampled_from(["trap", "error"]))
def test_what_denies_is_valid_and_of_the_type(interface: InstanceType, denial: Denial) -> None:
    data = denying(interface, denial)
    assert complaint(data) == ""
    exports = read_component(memoryview(data)).exports
    substitution = Substitution()
    substitution.bind_extern(interface, exports[NAME])
    assert check_extern(exports[NAME], interface, substitution) is None
    assert denying(interface, denial) == data


@QUICK
@given(interfaces(plain=True))
def test_the_error_is_the_one_that_it_can_make(interface: InstanceType) -> None:
    data = denying(interface, "error")
    for name, function in interface.exports.items():
        if not isinstance(function, FuncType):
            continue
        assert isinstance(function.result, ResultType)
        error = function.result.error
        value = None if error is None else saying_so(error)
        if error is not None and value is None:
            with pytest.raises(Trapped, match="unreachable"):
                called(data, name)
        else:
            assert called(data, name) == {"error": None if error is None else to_json(value, error)}
