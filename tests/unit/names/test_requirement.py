from __future__ import annotations

import pytest

from wpkg.names.requirement import Requirement
from wpkg.names.version import InvalidVersion, Version


# requirement, versions that match, versions that do not: the tables of cargo's reference and of dtolnay/semver
@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 0.9.0"),
        ("^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0"),
        ("1", "1.0.0 1.99.0", "0.9.9 2.0.0 1.5.0-rc.1"),
        ("^0.1", "0.1.0 0.1.9", "0.2.0 0.0.9"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.9", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.9", "2.0.0"),
        ("=1.2.3", "1.2.3 1.2.3+build", "1.2.4 1.2.2"),
        ("=1.2", "1.2.0 1.2.9", "1.3.0"),
        (">1.2", "1.3.0 2.0.0", "1.2.9 1.2.0"),
        (">1.2.3", "1.2.4", "1.2.3"),
        (">=1.2", "1.2.0 3.0.0", "1.1.9"),
        ("<1.2", "1.1.9 0.1.0", "1.2.0"),
        ("<=1.2", "1.2.9 1.0.0", "1.3.0"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        ("*", "0.0.0 1.2.3 99.0.0", "1.0.0-rc.1"),
        ("1.*", "1.0.0 1.9.9", "2.0.0"),
        ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
        (">=1, <3", "1.0.0 2.9.9", "3.0.0 0.9.0"),
        (">= 1.2.0 , < 1.5.0", "1.4.9", "1.5.0"),
        ("^1.0.0-rc.1", "1.0.0-rc.1 1.0.0-rc.2 1.0.0 1.4.0", "1.0.0-beta 1.4.0-rc.1"),
        ("=1.0.0-rc.1", "1.0.0-rc.1", "1.0.0-rc.2 1.0.0"),
        ("<2.0.0", "1.9.9", "2.0.0 2.0.0-rc.1 1.9.9-rc.1"),
    ],
)
def test_what_a_requirement_admits(text: str, inside: str, outside: str) -> None:
    requirement = Requirement.parse(text)
    assert [v for v in inside.split() if not requirement.matches(Version.parse(v))] == []
    assert [v for v in outside.split() if requirement.matches(Version.parse(v))] == []


@pytest.mark.parametrize(
    "text",
    ["", " ", "^^1", "a", "1.*.2", "*.1", "1.2.3.4", "01", ">=", "1,", ",1", "1 2", "=>1", "1.2.3-", "1.*-rc"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidVersion):
        Requirement.parse(text)
