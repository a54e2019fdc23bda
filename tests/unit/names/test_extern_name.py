from __future__ import annotations

import pytest

from wpkg.names.extern_name import higher_name, is_canonical, parse_extern_name, track_key
from wpkg.names.package_name import InvalidName


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("wasi:io/streams@0.2.9", "wasi:io/streams@0.2"),
        ("wasi:io/streams@0.2.0", "wasi:io/streams@0.2"),
        ("a:b/c@1.4.0", "a:b/c@1"),
        ("a:b/c@0.0.4", "a:b/c@0.0.4"),
        ("wasi:logging/logging@0.1.0-draft", "wasi:logging/logging@0.1.0-draft"),
        ("a:b/c", "a:b/c"),
        ("a:b/c@0.2", "a:b/c@0.2"),
        ("run", "run"),
        ("[method]r.get", "[method]r.get"),
    ],
)
def test_names_on_one_track_share_a_key(name: str, key: str) -> None:
    assert track_key(name) == key


@pytest.mark.parametrize("name", ["run", "get-it", "GET-it", "[constructor]r", "[method]r.get", "[static]r.make"])
def test_plain_names_are_no_interfaces(name: str) -> None:
    assert parse_extern_name(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "1a", "a_b", "a:b", "a:b/c@", "a:b/c@x", "a:b/c@1.2", "[foo]a", "a:b/c@01.0.0", "locked-dep=<a:b>"],
)
def test_other_texts_are_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        parse_extern_name(name)


def test_the_higher_version_wins() -> None:
    assert higher_name("a:b/c@0.2.3", "a:b/c@0.2.10") == "a:b/c@0.2.10"
    assert higher_name("a:b/c@0.2.10", "a:b/c@0.2.3") == "a:b/c@0.2.10"
    assert higher_name("run", "run") == "run"


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("a:b/c@0.2", True),
        ("a:b/c@3", True),
        ("a:b/c@0.0.4", False),
        ("a:b/c@0.2.0", False),
        ("a:b/c", False),
        ("a", False),
    ],
)
def test_canonical_versions_are_a_whole_track(name: str, canonical: bool) -> None:  # noqa: FBT001
    assert is_canonical(name) is canonical
