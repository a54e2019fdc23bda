"""The rules: who may do what in which repositories.

A TOML file::

    version = 1

    [[rule]]
    prefix = "acme"                # the repository acme, and everything below acme/; '' is everything
    read = ["anonymous"]
    push = ["alice", "ci"]
    delete = ["alice"]

The rule with the longest prefix decides, alone; where none applies, nothing is allowed. 'anonymous' is everybody,
'*' everybody with a password. Who may push or delete may also read. Moving a tag is pushing,
removing one is deleting.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.auth.htpasswd import EVERY_USER, EVERYBODY
from registry_shim.errors import InvalidAccessRules
from wpkg.documents.toml_table import Table
from wpkg.oci.reference import is_repository_path

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1


class Right(StrEnum):
    """What may be allowed; the value is the key in a rule, and the verb in a sentence."""

    READ = "read"
    PUSH = "push"
    DELETE = "delete"


class Rule(Struct, frozen=True):
    """Who may do what below a prefix."""

    allowed: Mapping[Right, frozenset[str]]

    def allows(self, user: str | None, right: Right) -> bool:
        """Whether `user`, None for somebody without a password, has the right."""
        who = self.allowed[right]
        return EVERYBODY in who or (user is not None and (EVERY_USER in who or user in who))


class Access(Struct, frozen=True):
    """Every rule, by its prefix."""

    rules: Mapping[str, Rule]

    def allows(self, user: str | None, right: Right, repository: str) -> bool:
        """Whether `user` may do it in `repository`."""
        prefix = repository
        while prefix not in self.rules:
            if not prefix:
                return False
            prefix = prefix.rpartition("/")[0]
        return self.rules[prefix].allows(user, right)

    @property
    def is_public(self) -> bool:
        """Whether there is anything to read without a password."""
        return any(rule.allows(None, Right.READ) for rule in self.rules.values())

    @property
    def is_open(self) -> bool:
        """Whether nobody can read more with a password than without one."""
        return all(rule.allows(None, Right.READ) for rule in self.rules.values())

    @property
    def names(self) -> frozenset[str]:
        """Everybody whom the rules name."""
        mentioned = {name for rule in self.rules.values() for who in rule.allowed.values() for name in who}
        return frozenset(mentioned - {EVERYBODY, EVERY_USER})


def for_every_user() -> Access:
    """What holds without a file: whoever has a password may do everything, others nothing."""
    return Access({"": Rule(dict.fromkeys(Right, frozenset({EVERY_USER})))})


def read_access(text: str) -> Access:
    """The rules of a file. Raises: InvalidAccessRules."""
    try:
        document = Table(tomllib.loads(text), "", InvalidAccessRules)
    except tomllib.TOMLDecodeError as error:
        raise InvalidAccessRules(f"not valid TOML: {error}") from error
    document.only(("version", "rule"))
    if document.count("version", 0, 0) != VERSION:
        raise document.fail("version", f"it is not {VERSION}", f"write 'version = {VERSION}' at the top")
    rules: dict[str, Rule] = {}
    for table in document.tables("rule"):
        table.only(("prefix", *Right))
        prefix = table.text("prefix")
        if prefix is None:
            raise table.fail("prefix", "it is missing", "'' is a prefix of everything")
        if prefix and not is_repository_path(prefix):
            raise table.fail("prefix", "it is not the name of a repository", "no host, no '/' at the end, no '*'")
        if prefix in rules:
            raise table.fail("prefix", f"there is a rule for '{prefix}' already")
        rules[prefix] = _rule(table)
    if not rules:
        raise InvalidAccessRules("it has no rule, so that nobody could do anything", hint="write a [[rule]]")
    return Access(rules)


def _rule(table: Table) -> Rule:
    given = {right: frozenset(table.texts(right) or ()) for right in Right}
    for right in (Right.PUSH, Right.DELETE):
        if EVERYBODY in given[right]:
            raise table.fail(right, "'anonymous' may only read", "'*' is everybody who has a password")
    given[Right.READ] |= given[Right.PUSH] | given[Right.DELETE]
    return Rule(given)
