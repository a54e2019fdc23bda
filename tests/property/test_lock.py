"""Locks: any packages, any order, the same bytes, read back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.project.lockfile import LocalPackage, Lock, LockedPackage, read_lock

words = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5})?", fullmatch=True)
package_names = st.builds(PackageName, words, words)
numbers = st.integers(0, 40)
versions = st.builds(Version, numbers, numbers, numbers, st.sampled_from(["", "rc.1", "alpha-2.x"]), st.just(""))
digests = st.binary(max_size=4).map(Digest.of)
packages = st.builds(
    LockedPackage,
    name=package_names,
    version=versions,
    kind=st.sampled_from(["component", "composed", "wit"]),
    source=st.just(Repository.parse("ghcr.io/acme/x")),
    tag=versions.map(lambda v: v.tag),
    manifest=digests,
    component=digests,
    size=st.integers(0, 2**40),
    signers=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), max_size=2, unique=True).map(
        lambda s: tuple(sorted(s))
    ),
)


local = st.builds(
    LocalPackage,
    name=package_names,
    version=versions,
    kind=st.just("component"),
    path=st.sampled_from(["../x", "a/b.wasm"]),
)


@st.composite
def connected(draw: st.DrawFn) -> list[LockedPackage | LocalPackage]:
    """Packages, some of several versions, that depend on each other."""
    found = draw(st.lists(packages | local, max_size=6, unique_by=lambda p: p.pin))
    names = st.sampled_from([package.name for package in found]) if found else st.nothing()
    renamed = {p.pin: p for p in (replace(p, name=draw(names)) if draw(st.booleans()) else p for p in found)}
    pins = st.lists(st.sampled_from(sorted(renamed)), max_size=3, unique=True) if renamed else st.just([])
    return [replace(p, dependencies=tuple(sorted(draw(pins)))) for p in renamed.values()]


@given(connected(), st.randoms())
def test_a_lock_does_not_depend_on_order_and_reads_back(
    found: list[LockedPackage | LocalPackage], random: object
) -> None:
    text = locked(found).encode()
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert locked(shuffled).encode() == text
    assert set(read_lock(text).all) == set(found)


def locked(found: list[LockedPackage | LocalPackage]) -> Lock:
    return Lock(
        tuple(p for p in found if isinstance(p, LockedPackage)),
        tuple(p for p in found if isinstance(p, LocalPackage)),
    )


@given(versions, versions)
def test_caret_is_the_versions_of_one_track_from_there_on(low: Version, other: Version) -> None:
    """What cargo says of '^': compatible updates are those on the same track that are not lower."""
    if low.pre or other.pre or low.track is None:
        return
    assert Requirement.parse(f"^{low}").matches(other) == (other.track == low.track and other >= low)
