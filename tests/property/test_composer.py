"""The composer on random graphs: what it accepts is valid, whatever it refuses it refuses with a sentence.

One process makes all components (xdist_group), which is what takes the time.

Components are made from a family of interfaces that use each other's types, in two versions on one track, so that
merged imports, split resources, re-exports, middleware and mismatches all come about.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components import assemble, compose, from_wit, planned, wit, world, written
from tests.property.mutation import mutated
from tests.wac import check_emitted
from wpkg.component.errors import MalformedComponent, UnsupportedComponent
from wpkg.compose.encode import encode
from wpkg.compose.errors import AmbiguousImport
from wpkg.errors import CompositionError, InvalidInput

if TYPE_CHECKING:
    from wpkg.compose.graph import Plan

pytestmark = pytest.mark.xdist_group("composer")

BODY = """
interface types {{ resource r {{ get: func() -> string; {method} }} record rec {{ x: u32 }} make: func() -> r; }}
interface api {{ use types.{{r, rec}}; show: func(x: rec) -> r; {function} }}
interface user {{ use types.{{rec as q}}; use api.{{r}}; go: func(x: q, y: borrow<r>); }}
interface plain {{ variant v {{ a(list<u8>), b }} f: func(x: v) -> result<string, v>; }}
"""
OLD = "package p:q@1.0.0;" + BODY.format(method="", function="")
NEW = "package p:q@1.1.0;" + BODY.format(method="put: func(s: string);", function="hide: func();")
ODD = "package p:q@1.2.0;" + BODY.format(method="get2: func();", function="show2: func();").replace(
    "x: u32", "x: u64"
)
VERSIONS = {"1.0.0": OLD, "1.1.0": NEW, "1.2.0": ODD}
VERSIONS_DRAWN = ("1.0.0", "1.0.0", "1.1.0", "1.1.0", "1.2.0")
INTERFACES = ("types", "api", "user", "plain")


@cache
def random_component(seed: int, versions: tuple[str, ...] = VERSIONS_DRAWN) -> bytes:
    """A component that imports and exports some of the interfaces in one of the versions; every third is a root.

    Some worlds cannot be built (an interface may use another one only where that is imported or exported too);
    then the next one is taken.
    """
    pick = random.Random(seed)
    least, most = (2, 3) if seed % 3 == 0 else (0, 1)
    while True:
        version = pick.choice(versions)
        imports = sorted({pick.choice(INTERFACES) for _ in range(pick.randint(least, most))})
        exports = sorted({pick.choice(INTERFACES) for _ in range(pick.randint(1, 2))})
        lines = [f"import p:q/{name}@{version};" for name in imports]
        lines += [f"export p:q/{name}@{version};" for name in exports]
        if pick.random() < 0.3:
            lines.append(f"use p:q/types@{version}.{{r}}; export through: func(x: r) -> r;")
        lines.append(f"export run{seed % 3}: func();" if pick.random() < 0.5 else "import log: func(s: string);")
        try:
            return from_wit(" ".join(lines), VERSIONS[version])
        except AssertionError as error:
            assert "incompatible ways" in str(error)


GRAPHS = st.tuples(
    st.integers(0, 7).map(lambda n: n * 3), st.lists(st.integers(0, 23), min_size=1, max_size=5, unique=True)
).map(lambda seeds: list(dict.fromkeys([seeds[0], *seeds[1]])))
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def settled(parts: dict[str, bytes], root: str) -> tuple[Plan, list[str]] | None:
    """The plan, with the choices that it takes; None where it is refused."""
    choices: list[str] = []
    while True:
        try:
            plan = planned(parts, root, choices)
            encode(plan)
        except AmbiguousImport as error:
            choices.append(f"{error.importer} / {error.name}={min(error.exporters)}")
        except CompositionError as error:
            assert str(error)
            return None
        else:
            return plan, choices


def composed(parts: dict[str, bytes], root: str) -> bytes | None:
    """The composition, validated; None where it is refused."""
    found = settled(parts, root)
    return None if found is None else assemble(found[0], parts)


def parts_of(seeds: list[int]) -> dict[str, bytes]:
    return {f"c{seed}": random_component(seed) for seed in seeds}


def test_the_graphs_are_worth_composing() -> None:
    """Many are accepted, and in those nearly everything that the composer does happens."""
    pick = random.Random(1)
    plans: list[Plan] = []
    for _ in range(150):
        seeds = list(dict.fromkeys([pick.randrange(8) * 3, *pick.sample(range(24), pick.randint(1, 5))]))
        found = settled(parts_of(seeds), f"c{seeds[0]}")
        plans += [found[0]] if found is not None else []
    assert len([plan for plan in plans if plan.connections]) > 20
    assert len([plan for plan in plans if len(plan.connections) > 1]) > 10
    assert any(plan.reexports for plan in plans)
    assert any(plan.passed_types for plan in plans)
    assert any(len(residual.importers) > 1 for plan in plans for residual in plan.residuals)


@QUICK
@given(GRAPHS)
def test_what_is_accepted_is_valid_and_does_not_depend_on_the_order(seeds: list[int]) -> None:
    parts = parts_of(seeds)
    data = composed(parts, f"c{seeds[0]}")
    backwards = dict(reversed(parts.items()))
    if data is not None:
        assert composed(backwards, f"c{seeds[0]}") == data
    else:
        assert settled(backwards, f"c{seeds[0]}") is None


@QUICK
@given(GRAPHS)
def test_sharing_modules_does_not_change_what_a_composition_is(seeds: list[int]) -> None:
    parts = parts_of(seeds)
    found = settled(parts, f"c{seeds[0]}")
    if found is not None:
        assert wit(assemble(found[0], parts, share=True)) == wit(assemble(found[0], parts))


@QUICK
@given(GRAPHS, st.integers(1, 5))
def test_composing_in_steps_comes_to_the_same_world(seeds: list[int], cut: int) -> None:
    """compose(compose(consumers), providers) is compose(all), wherever the order of instances is cut in two.

    In one version only: where versions differ, the first step merges imports that two components could satisfy.
    """
    parts = {f"c{seed}": random_component(seed, ("1.0.0",)) for seed in seeds}
    root = f"c{seeds[0]}"
    found = settled(parts, root)
    if found is None:
        return
    plan, choices = found
    if choices:
        return  # a choice names a component that the first composition hides
    whole = assemble(plan, parts)
    order = [node.name for node in plan.nodes]
    providers, consumers = order[:cut], order[cut:]
    if not consumers:
        return
    first = composed({name: parts[name] for name in consumers}, root)
    assert first is not None
    second = composed({"first": first, **{name: parts[name] for name in providers}}, "first")
    assert second is not None
    assert sorted(world(second)) == sorted(world(whole))


@settings(QUICK, max_examples=150)
@given(st.data())
def test_damaged_components_are_refused_with_a_sentence(data: st.DataObject) -> None:
    root, dep = compose_pair()
    damaged = mutated(dep, root, random.Random(data.draw(st.integers(0, 2**32))))
    parts = {"root": root, "dep": damaged}
    for order in (parts, {"dep": damaged, "root": root}):
        try:
            encode(planned(order, "root"))
        except (MalformedComponent, UnsupportedComponent, CompositionError, InvalidInput) as error:
            assert str(error)


def compose_pair() -> tuple[bytes, bytes]:
    root = from_wit("import p:q/types@1.0.0; import p:q/api@1.0.0; export run: func();", OLD)
    return root, from_wit("import p:q/plain@1.1.0; export p:q/types@1.1.0; export p:q/api@1.1.0;", NEW)


def test_the_pair_that_is_damaged_composes_as_it_is() -> None:
    root, dep = compose_pair()
    assert world(compose({"root": root, "dep": dep})) == ["import p:q/plain@1.1.0", "export run: func()"]


@QUICK
@given(GRAPHS)
def test_what_is_composed_is_the_same_bytes_as_a_document(seeds: list[int]) -> None:
    parts = parts_of(seeds)
    found = settled(parts, f"c{seeds[0]}")
    if found is not None:
        check_emitted(found[0], parts, written(encode(found[0]), parts))
