from __future__ import annotations

import tomllib

import pytest

from wpkg.documents.toml_table import Table
from wpkg.project.capabilities import Capabilities, read_capabilities


def _read(text: str) -> Capabilities:
    return read_capabilities(Table(tomllib.loads(text)).table("capabilities"))


RULES = _read(
    """
[capabilities]
allow = ["wasi:cli/*", "wasi:io/*"]
deny = ["wasi:cli/stdin"]
[capabilities."acme:http"]
allow = ["wasi:sockets/*", "wasi:cli/*"]
[capabilities."acme:audit"]
deny = ["wasi:io/*"]
denied = "trap"
"""
)


@pytest.mark.parametrize(
    ("interface", "component", "allowed", "because"),
    [
        ("wasi:cli/stdout@0.2.0", "acme:app", True, "allowed by 'wasi:cli/*'"),
        ("wasi:sockets/tcp@0.2.0", "acme:app", False, "not among what is allowed"),
        ("wasi:cli/stdin@0.2.0", "acme:app", False, "denied by 'wasi:cli/stdin'"),
        ("wasi:sockets/tcp@0.2.0", "acme:http", True, "allowed of 'acme:http' by 'wasi:sockets/*'"),
        ("wasi:io/poll@0.2.0", "acme:http", False, "not among what is allowed of 'acme:http'"),
        ("wasi:cli/stdin@0.2.0", "acme:http", False, "denied by 'wasi:cli/stdin'"),
        ("wasi:io/poll@0.2.0", "acme:audit", False, "denied of 'acme:audit' by 'wasi:io/*'"),
        ("wasi:io/poll@0.2.0", "acme:other", True, "allowed by 'wasi:io/*'"),
    ],
)
def test_the_four_rules_in_their_order(interface: str, component: str, allowed: bool, because: str) -> None:  # noqa: FBT001
    verdict = RULES.verdict(interface, component)
    assert (verdict.is_allowed, verdict.because) == (allowed, because)
    assert verdict.is_explicit is allowed


def test_without_an_allow_everything_may_be_asked_for_but_nothing_is_said_to_be() -> None:
    verdict = _read("[capabilities]\ndeny = ['wasi:sockets/*']").verdict("wasi:cli/stdin", "a:b")
    assert (verdict.is_allowed, verdict.is_explicit) == (True, False)


def test_an_empty_allow_allows_nothing() -> None:
    assert not _read("[capabilities]\nallow = []").verdict("wasi:cli/stdin", "a:b").is_allowed


def test_a_component_is_found_under_its_name_in_the_composition_and_under_its_package() -> None:
    assert RULES.verdict("wasi:io/poll", "audit-two", "acme:audit").denied == "trap"
    assert RULES.verdict("wasi:io/poll", "audit-two", "acme:audit").is_isolated
    assert not RULES.verdict("wasi:sockets/tcp", "acme:app").is_isolated
