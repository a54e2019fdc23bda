from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.errors import InvalidInput
from wpkg.trust.pattern import InvalidPattern, RepositoryPattern, normalize_repository


@pytest.mark.parametrize(
    ("pattern", "repository", "matches"),
    [
        ("**", "ghcr.io/acme/app", True),
        ("**", "dir:./vendor", True),
        ("ghcr.io/**", "ghcr.io/acme/app", True),
        ("ghcr.io/**", "ghcr.io.evil.com/acme/app", False),
        ("ghcr.io/**", "xghcr.io/acme/app", False),
        ("ghcr.io/acme/**", "ghcr.io/acme/app", True),
        ("ghcr.io/acme/**", "ghcr.io/acme/team/app", True),
        ("ghcr.io/acme/**", "ghcr.io/acme", False),
        ("ghcr.io/acme/**", "ghcr.io/acme/", False),
        ("ghcr.io/acme/**", "ghcr.io/acme-evil/app", False),
        ("ghcr.io/acme/**", "ghcrxio/acme/app", False),
        ("ghcr.io/acme/**", "ghcr.io:5000/acme/app", False),
        ("ghcr.io/acme/**", "GHCR.io/acme/app", True),
        ("ghcr.io/acme/**", "ghcr.io:443/acme/app", True),
        ("GHCR.IO:443/acme/**", "ghcr.io/acme/app", True),
        ("ghcr.io/acme/app", "ghcr.io/acme/app", True),
        ("ghcr.io/acme/app", "ghcr.io/acme/app2", False),
        ("ghcr.io/acme/app", "ghcr.io/acme/app/x", False),
        ("127.0.0.1:*/**", "127.0.0.1:5000/demo/app", True),
        ("127.0.0.1:*/**", "127.0.0.1/demo/app", True),
        ("127.0.0.1:*/**", "127.0.0.11:5000/demo/app", False),
        ("127.0.0.1:*/**", "127.0.0.1:5000.evil.com/demo/app", False),
        ("127.0.0.1:*/demo/app", "127.0.0.1:1/demo/app", True),
        ("127.0.0.1:*/demo/app", "127.0.0.1:1/demo/other", False),
        ("127.0.0.1:5000/**", "127.0.0.1:50001/demo", False),
        ("[::1]:5000/**", "[::1]:5000/demo", True),
        ("[::1]:*/**", "[::1]:5000/demo", True),
    ],
)
def test_matches(pattern: str, repository: str, matches: bool) -> None:  # noqa: FBT001
    assert RepositoryPattern.parse(pattern).matches(normalize_repository(repository)) is matches


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("**", ""),
        ("ghcr.io/**", "ghcr.io/"),
        ("ghcr.io/acme/**", "ghcr.io/acme/"),
        ("GHCR.io/acme/app", "ghcr.io/acme/app"),
        ("127.0.0.1:*/**", "127.0.0.1:"),
        ("127.0.0.1:5000/**", "127.0.0.1:5000/"),
    ],
)
def test_the_literal_part_ends_at_the_first_wildcard(pattern: str, literal: str) -> None:
    assert RepositoryPattern.parse(pattern).literal == literal
    assert str(RepositoryPattern.parse(pattern)) == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "***",
        "ghcr.io",
        "ghcr.io/",
        "ghcr.io/*",
        "ghcr.io/acme/*",
        "ghcr.io/**/app",
        "ghcr.io/acme**",
        "ghcr.io/acme/ap*",
        "*.io/**",
        "*/**",
        ":*/**",
        "https://ghcr.io/acme/**",
        "oci://ghcr.io/acme",
        "ghcr.io/acme/app:1.0.0",
        "ghcr.io/acme/app@sha256:aa",
        "ghcr.io/Acme/**",
        "ghcr.io//**",
        "ghcr.io/acme/**\n",
        "ghcr.io:*:*/**",
        "a b:*/**",
        "user@host:*/**",
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(InvalidPattern):
        RepositoryPattern.parse(text)


@given(st.text("ab.:/*0[]", max_size=12))
def test_any_text_is_a_pattern_that_starts_with_its_literal_part_or_refused(text: str) -> None:
    try:
        pattern = RepositoryPattern.parse(text)
    except InvalidInput:
        return
    assert normalize_repository(text).startswith(pattern.literal)
    if "*" not in text:
        assert pattern.matches(pattern.literal)
