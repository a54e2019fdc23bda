from __future__ import annotations

import pytest

from wpkg.names.version import InvalidVersion, Version

# semver.org, section 11: each lower than the next
PRECEDENCE = [
    "0.0.1", "0.1.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "2.0.0", "10.0.0",
]  # fmt: skip


def test_order_is_that_of_semver() -> None:
    versions = [Version.parse(text) for text in PRECEDENCE]
    for i, version in enumerate(versions):
        assert [other < version for other in versions] == [j < i for j in range(len(versions))]


@pytest.mark.parametrize("text", [*PRECEDENCE, "1.0.0+b.1", "1.0.0-x-y.0+0a-1"])
def test_versions_print_as_they_were_written(text: str) -> None:
    assert str(Version.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "01.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0+",
        "1.0.0 ",
        "1.0.0-ä",
        "1" * 200,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidVersion):
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "track"),
    [("1.2.3", "1"), ("0.2.9", "0.2"), ("0.0.3", None), ("1.0.0-rc.1", None), ("2.0.0+b", "2"), ("0.1.0", "0.1")],
)
def test_track(text: str, track: str | None) -> None:
    assert Version.parse(text).track == track


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("1.2.3_b1", "1.2.3+b1"),
        ("1.2.3-rc.1", "1.2.3-rc.1"),
        ("1.2.3_raw", None),
        ("latest", None),
        ("sha256-" + "a" * 64, None),
        ("sha256-" + "a" * 64 + ".sig", None),
        ("vv1.2.3", None),
        ("1.2", None),
    ],
)
def test_which_tags_are_versions(tag: str, version: str | None) -> None:
    found = Version.from_tag(tag)
    assert (str(found) if found is not None else None) == version


@pytest.mark.parametrize("text", ["1.2.3", "1.2.3+b1", "1.0.0-rc.1+x.y"])
def test_tag_and_back(text: str) -> None:
    version = Version.parse(text)
    assert "+" not in version.tag
    assert Version.from_tag(version.tag) == version
    assert Version.from_tag(version.raw_tag) is None
