"""The file of passwords and the file of rules: what is taken, what is refused, and with which sentence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from registry_shim.auth.access import Access, Right, for_every_user, read_access
from registry_shim.auth.guard import Guard
from registry_shim.auth.htpasswd import read_htpasswd
from registry_shim.errors import InvalidAccessRules, InvalidPasswordFile, RulesUnreadable
from tests.shim.auth.people import RULES, htpasswd, write_files
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from pathlib import Path

HASH = "$2y$04$Dvr5gDmiAmB8sw4CVoUwv.zwbGtJ7QV2lAWbZy8MiAHn5v9SLz/v."  # of 'x'; the same in every process


def test_lines_of_htpasswd() -> None:
    text = f"# people\n\nalice:{HASH}\r\n  bob:{HASH.replace('$2y$', '$2b$')}\n"
    assert dict(read_htpasswd(text)) == {"alice": HASH.encode(), "bob": HASH.replace("$2y$", "$2b$").encode()}
    assert read_htpasswd("") == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("alice", "it is not 'name:hash'"),
        (f":{HASH}", "it is not 'name:hash'"),
        (f"a\x07b:{HASH}", "it is not 'name:hash'"),
        (f"bob:{HASH}", "'bob' has a line already"),
        (f"anonymous:{HASH}", "'anonymous' means more than one person in rules; nobody can have that name"),
        (f"*:{HASH}", "'*' means more than one person in rules; nobody can have that name"),
        ("alice:$apr1$x7z$abcdefghijklmnopqrstuv", "the hash of 'alice' is not one of bcrypt"),
        ("alice:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "the hash of 'alice' is not one of bcrypt"),
        ("alice:plain text", "the hash of 'alice' is not one of bcrypt"),
        ("alice:", "the hash of 'alice' is not one of bcrypt"),
        (f"alice:{HASH[:-1]}", "the hash of 'alice' is not one of bcrypt"),
        (f"alice:{HASH} trailing", "the hash of 'alice' is not one of bcrypt"),
        (f"alice:{HASH.replace('$04$', '$03$')}", "the cost of the hash of 'alice' is not from 4 to 17"),
        (f"alice:{HASH.replace('$04$', '$31$')}", "the cost of the hash of 'alice' is not from 4 to 17"),
    ],
)
def test_lines_that_are_refused(line: str, said: str) -> None:
    with pytest.raises(InvalidPasswordFile) as raised:
        read_htpasswd(f"bob:{HASH}\n\n{line}\n")
    assert str(raised.value) == f"line 3: {said}"
    assert raised.value.hint is not None
    assert "plain text" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize(
    ("user", "right", "repository", "is_allowed"),
    [
        (None, Right.READ, "acme/app", False),
        ("bob", Right.READ, "acme/app", True),
        ("bob", Right.PUSH, "acme/app", False),
        ("alice", Right.PUSH, "acme/app", True),
        ("alice", Right.DELETE, "acme/app", True),
        (None, Right.READ, "open", True),
        (None, Right.READ, "open/app", True),
        ("alice", Right.READ, "open/app", True),
        ("alice", Right.PUSH, "open/app", False),  # the longest prefix decides alone
        ("ci", Right.PUSH, "open/app", True),
        ("ci", Right.DELETE, "open/app", False),
        (None, Right.READ, "opener/app", False),  # a prefix ends where a name does
        (None, Right.READ, "open/secret", False),
        ("ci", Right.READ, "open/secret/x", False),
        ("bob", Right.READ, "open/secret/x", True),
        ("alice", Right.READ, "open/secret", False),
    ],
)
def test_the_longest_prefix_decides(user: str | None, right: Right, repository: str, *, is_allowed: bool) -> None:
    assert read_access(RULES).allows(user, right, repository) is is_allowed


def test_who_pushes_or_deletes_may_read() -> None:
    access = read_access('version = 1\n[[rule]]\nprefix = "a"\npush = ["p"]\ndelete = ["d"]')
    assert [access.allows(user, Right.READ, "a/b") for user in ("p", "d", "x", None)] == [True, True, False, False]
    assert not access.allows("p", Right.READ, "b")  # where no rule is, nothing is allowed
    assert not access.is_public
    assert access.names == {"p", "d"}


def test_without_a_file() -> None:
    access = for_every_user()
    assert all(access.allows("anybody", right, "x") for right in Right)
    assert not any(access.allows(None, right, "x") for right in Right)
    assert not access.is_public


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = ", "not valid TOML"),
        ("", "version: it is not 1"),
        ("version = 2", "version: it is not 1"),
        ("version = 1", "it has no rule"),
        ("version = 1\n[rule]", "rule: it is written [[rule]]"),
        ("version = 1\nrules = []", "rules: it is not a key"),
        ('version = 1\n[[rule]]\nread = ["a"]', "rule[0].prefix: it is missing"),
        ('version = 1\n[[rule]]\nprefix = "a/"', "rule[0].prefix: it is not the name of a repository"),
        ('version = 1\n[[rule]]\nprefix = "a/*"', "rule[0].prefix: it is not the name of a repository"),
        ('version = 1\n[[rule]]\nprefix = "A"', "rule[0].prefix: it is not the name of a repository"),
        ('version = 1\n[[rule]]\nprefix = "a"\n[[rule]]\nprefix = "a"', "rule[1].prefix: there is a rule for 'a'"),
        ('version = 1\n[[rule]]\nprefix = "a"\npull = ["x"]', "rule[0].pull: it is not a key"),
        ('version = 1\n[[rule]]\nprefix = "a"\nread = "x"', "rule[0].read: it is not an array of strings"),
        ('version = 1\n[[rule]]\nprefix = "a"\nread = ["x", "x"]', "rule[0].read: it names one twice"),
        ('version = 1\n[[rule]]\nprefix = "a"\npush = ["anonymous"]', "rule[0].push: 'anonymous' may only read"),
        (
            'version = 1\n[[rule]]\nprefix = "a"\ndelete = ["anonymous"]',
            "rule[0].delete: 'anonymous' may only read",
        ),
    ],
)
def test_rules_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidAccessRules) as raised:
        read_access(text)
    assert said in str(raised.value)


def test_rules_name_people_who_exist(tmp_path: Path) -> None:
    passwords, rules = write_files(tmp_path)
    passwords.write_text(htpasswd({"alice": "a", "ci": "c"}))
    with pytest.raises(InvalidAccessRules, match="'bob' has no line in") as raised:
        Guard(passwords, rules, b"secret")
    assert str(rules) in str(raised.value)


@pytest.mark.parametrize("broken", [b"\xff", b"alice:secret", None])
def test_a_file_that_cannot_be_used(tmp_path: Path, broken: bytes | None) -> None:
    path = tmp_path / "htpasswd"
    if broken is not None:
        path.write_bytes(broken)
    with pytest.raises(InvalidPasswordFile) as raised:
        Guard(path, None, b"secret")
    assert str(raised.value).startswith(f"{path}: ")
    assert "secret" not in str(raised.value).removeprefix(str(path))


def test_changes_are_seen_and_broken_files_let_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    passwords, rules = write_files(tmp_path)
    guard = Guard(passwords, rules, b"secret")
    assert guard.is_public()
    rules.write_text(RULES.replace("anonymous", "*"))
    assert not guard.is_public()
    for breaking in (lambda: rules.write_text("version = 1\n"), rules.unlink):
        breaking()
        for _ in range(2):
            with pytest.raises(RulesUnreadable):
                guard.is_public()
    assert "nobody gets in until the file is mended" in caplog.text
    assert str(rules) in caplog.text
    rules.write_text(RULES)
    assert guard.is_public()


def test_a_change_that_no_clock_shows_is_seen_on_demand(tmp_path: Path) -> None:
    passwords, rules = write_files(tmp_path)
    guard = Guard(passwords, rules, b"secret")
    before = rules.stat()
    rules.write_text(RULES.replace('"anonymous"', '"*"        '))
    os.utime(rules, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert guard.is_public()  # inode, size and time are those of before
    guard.reload()
    assert not guard.is_public()


def test_errors_are_those_of_users() -> None:
    assert issubclass(InvalidPasswordFile, WpkgError)
    assert (InvalidPasswordFile.exit_code, InvalidAccessRules.exit_code) == (2, 2)
    assert Access({}).allows("x", Right.READ, "y") is False
