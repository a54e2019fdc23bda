"""Trust policy as values: which keys must have signed what comes from where.

Exactly one rule applies to a repository: the one whose pattern has the longest literal prefix; no two rules
have equal ones. A repository without a rule gets the policy's default, under which nobody is named, so that
nothing verifies. `wpkg.trust.policy_table` reads a policy from `[trust]` of the project file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.trust.pattern import EVERYTHING, RepositoryPattern, normalize_repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.trust.keys import PublicKey

# What becomes of an artifact that nobody signed whom the rule names.
Unsigned = Literal["reject", "warn", "allow"]


class InvalidTrustPolicy(InvalidInput):
    """A trust policy is not one that this version can enforce to the letter."""


class Signer(Struct, frozen=True):
    """A key and what the policy calls it."""

    name: str
    key: PublicKey

    @property
    def hint(self) -> str:
        """The key's fingerprint."""
        return self.key.hint


class Rule(Struct, frozen=True):
    """Who must have signed the artifacts of some repositories."""

    match: str  # the pattern; the repository itself where the default applies
    signers: tuple[Signer, ...] = ()  # distinct keys
    threshold: int = 1  # how many of them, at least 1
    unsigned: Unsigned = "reject"
    is_default: bool = False  # no rule of the policy is for the repository


class TrustPolicy(Struct, frozen=True):
    """Rules, and what becomes of repositories without one."""

    rules: tuple[tuple[RepositoryPattern, Rule], ...] = ()  # literal prefixes are distinct
    default: Literal["reject", "warn"] = "reject"

    @classmethod
    def of_keys(cls, keys: Mapping[str, PublicKey]) -> Self:
        """The policy that any one of `keys`, by name, must have signed, wherever the artifact is."""
        distinct = {key.spki: Signer(name, key) for name, key in sorted(keys.items(), reverse=True)}
        signers = tuple(sorted(distinct.values(), key=lambda signer: signer.name))
        return cls(((RepositoryPattern.parse(EVERYTHING), Rule(EVERYTHING, signers)),))

    def rule_for(self, repository: str) -> Rule:
        """The one rule for the artifacts of `repository`, which is 'registry/path' without tag or digest."""
        normal = normalize_repository(repository)
        matching = [(pattern, rule) for pattern, rule in self.rules if pattern.matches(normal)]
        if not matching:
            return Rule(repository, unsigned=self.default, is_default=True)
        return max(matching, key=lambda item: len(item[0].literal))[1]
