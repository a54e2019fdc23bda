from __future__ import annotations

import pytest

from wpkg.registry.headers import (
    Challenge,
    parse_challenges,
    parse_content_range,
    parse_next_link,
    parse_retry_after,
    parse_warnings,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"',
         [("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:a/b:pull,push"})]),
        ("Bearer realm=https://a/t?x=1,service=s", [("bearer", {"realm": "https://a/t?x=1", "service": "s"})]),
        ('BEARER Realm = "a" , Service= "b"', [("bearer", {"realm": "a", "service": "b"})]),
        ('Basic realm="a, \\"b\\""', [("basic", {"realm": 'a, "b"'})]),
        ('Basic realm="x", Bearer realm="y",service=""', [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": ""})]),
        ("Negotiate", [("negotiate", {})]),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Bearer ,,realm=x", [("bearer", {"realm": "x"})]),
        ('Bearer realm="a",realm="b"', [("bearer", {"realm": "a"})]),
        ("", []),
        ("=", []),
        ('"', []),
        ('Bearer realm="unclosed', [("bearer", {"realm": ""})]),
    ],
)  # fmt: skip
def test_challenges(value: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    found = parse_challenges(value)
    assert found[: len(expected)] == [Challenge(scheme, parameters) for scheme, parameters in expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', "/v2/a/tags/list?last=b&n=2"),
        ("<x>; rel=next", "x"),
        ('<a>; rel="prev", <b>; rel="next"', "b"),
        ('<a>; title="x"; REL="first next"', "a"),
        ('<a>; rel="nextone"', None),
        ('<a>; title="next"', None),
        ("<a>", None),
        ("", None),
        ("<a; rel=next", None),
    ],
)
def test_links(value: str, expected: str | None) -> None:
    assert parse_next_link(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        (" 17 ", 17.0),
        ("Thu, 26 Nov 2026 12:00:30 GMT", 30.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("\u0663", None),
        ("Thu, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    assert parse_retry_after(value, now=1795694400.0) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-9/10", (0, 9, 10)),
        ("bytes 5-9/*", (5, 9, None)),
        ("bytes 9-5/10", None),
        ("bytes */10", None),
        ("0-9", None),
        ("bytes 0-9/10 ", (0, 9, 10)),
        ("bytes 0-" + "9" * 30 + "/10", None),
    ],
)
def test_content_range(value: str, expected: tuple[int, int, int | None] | None) -> None:
    assert parse_content_range(value) == expected


def test_warnings() -> None:
    assert parse_warnings('299 - "a \\"b\\"", 299 host "c"') == ['a "b"', "c"]
    assert parse_warnings('199 - "other"') == []
    assert parse_warnings("299 -") == []
