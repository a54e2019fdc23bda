"""Text from registries and people, whatever it is: a value or a WpkgError, and what is written is read the same."""

from __future__ import annotations

import contextlib
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from wpkg.errors import WpkgError
from wpkg.oci.reference import Reference, Repository
from wpkg.registry.headers import (
    Challenge,
    parse_challenges,
    parse_content_range,
    parse_next_link,
    parse_retry_after,
    parse_warnings,
)
from wpkg.registry.origins import base_url, check_realm, follow, next_page, origin

# Text made of the pieces that the grammars are made of is far more often nearly right than any other.
PIECES = st.lists(
    st.sampled_from(
        [
            *'<>;,="\\ :/@[]?#%.-_~\t\n\x00',
            "Bearer",
            "Basic",
            "realm",
            "scope",
            "rel",
            "next",
            "299",
            "bytes",
            "0",
            "9",
            "http:",
            "https://",
            "localhost",
            "127.0.0.1",
            "[::1]",
            ":99999",
            "dir:",
            "..",
            "sha256:",
            "a" * 64,
            "é",
            "�",
        ]
    ),
    max_size=30,
).map("".join)
TEXT = st.one_of(PIECES, st.text(max_size=200))
TOKEN = st.text(string.ascii_letters + string.digits + "!#$%&'*+.^_`|~-", min_size=1, max_size=20)
QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@given(TEXT)
def test_headers_of_any_kind_are_read_without_an_error(text: str) -> None:
    assert isinstance(parse_challenges(text), list)
    assert isinstance(parse_warnings(text), list)
    assert parse_next_link(text) is None or f"<{parse_next_link(text)}>" in text
    wait = parse_retry_after(text, 1e9)
    assert wait is None or wait >= 0
    found = parse_content_range(text)
    assert found is None or found[0] <= found[1]


@given(
    st.lists(st.tuples(TOKEN, st.dictionaries(TOKEN.map(str.lower), QUOTED, min_size=1, max_size=4)), max_size=4)
)
def test_challenges_are_read_as_written(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quote(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    written = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quote(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert parse_challenges(written) == [
        Challenge(scheme.lower(), parameters) for scheme, parameters in challenges
    ]


@given(st.text(st.characters(exclude_characters="<>", max_codepoint=126), max_size=60))
def test_links_are_read_as_written(target: str) -> None:
    assert parse_next_link(f'<{target}>; rel="next"') == target
    assert parse_next_link(f'<other>; rel="prev", <{target}>; rel="next"') == target


@given(TEXT)
@example("dir:")
@example("dir:a\ud800")
@example("[::zz]/a:1")
def test_references_raise_nothing_else_and_print_as_they_are_read(text: str) -> None:
    for parse in (Reference.parse, Repository.parse):
        try:
            value = parse(text)
        except WpkgError:
            continue
        assert parse(str(value)) == value


SEGMENT = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)


@given(st.lists(st.sampled_from(["..", ".", "a", "b c", "ü", "", "x.y"]), min_size=1, max_size=6), st.booleans())
def test_folders_have_one_name(parts: list[str], absolute: bool) -> None:  # noqa: FBT001
    path = ("/" if absolute else "") + "/".join(parts)
    assume(path)
    repository = Repository.parse(f"dir:{path}")
    assert repository.is_folder
    assert Repository.parse(str(repository)) == repository
    assert repository.path.startswith(("/", "./", "..")) or repository.path == "."
    assert "/./" not in repository.path
    assert "//" not in repository.path


@given(TEXT, st.sampled_from(["https://r.example.com/v2/", "http://127.0.0.1:5000/v2/"]))
@example("http://[::zz]/", "https://r.example.com/v2/")
@example("//[", "https://r.example.com/v2/")
def test_no_location_leads_inside_or_out_of_encryption(location: str, url: str) -> None:
    try:
        target = follow(url, location, "a thing")
    except WpkgError:
        return
    scheme, host, _ = origin(target)
    assert scheme == "https" or url.startswith("http:")
    assert host == origin(url)[1] or not host.startswith(("127.", "10.", "169.254.", "localhost"))


@given(TEXT)
def test_no_page_of_another_host(link: str) -> None:
    url = "https://r.example.com/v2/a/tags/list"
    with contextlib.suppress(WpkgError):
        assert origin(next_page(url, link, "tags")) == origin(url)


@given(TEXT)
def test_no_realm_of_another_owner_gets_a_password(realm: str) -> None:
    url = "https://registry.example.com/v2/"
    try:
        check_realm(url, realm, "a token", with_credentials=True)
    except WpkgError:
        return
    scheme, host, _ = origin(realm)
    assert scheme == "https"
    assert host == "example.com" or host.endswith(".example.com")


@pytest.mark.parametrize(
    ("registry", "realm", "belongs"),
    [
        ("registry-1.docker.io", "auth.docker.io", True),
        ("registry.gitlab.com", "gitlab.com", True),
        ("ghcr.io", "ghcr.io", True),
        ("a.co.uk", "b.co.uk", False),
        ("a.github.io", "b.github.io", False),
        ("registry", "auth", False),
        ("ghcr.io", "evil-ghcr.io", False),
        ("r.example.com", "example.com.evil.net", False),
        ("r.example.com", "1.2.3.4", False),
    ],
)
def test_who_a_realm_belongs_to(registry: str, realm: str, belongs: bool) -> None:  # noqa: FBT001
    try:
        check_realm(f"https://{registry}/v2/", f"https://{realm}/token", "a token", with_credentials=True)
    except WpkgError:
        assert not belongs
    else:
        assert belongs


@given(TEXT)
def test_any_name_of_a_registry_has_an_address(registry: str) -> None:
    assert base_url(registry).startswith(("https://", "http://"))
