"""Trust policy as values: whose keys and identities must have signed what comes from where.

Exactly one rule applies to a repository: the one whose pattern has the longest literal prefix; no two rules
have equal ones. A repository without a rule gets the policy's default, under which nobody is named, so that
nothing verifies. `wpkg.trust.policy_table` reads a policy from `[trust]` of the project file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from msgspec import Struct, field

from wpkg.errors import InvalidInput, NotTrusted
from wpkg.trust.identity import Identity
from wpkg.trust.pattern import EVERYTHING, RepositoryPattern, normalize_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from wpkg.names.package_name import PackageName
    from wpkg.trust.keys import PublicKey

# What becomes of an artifact that nobody signed whom the rule names.
Unsigned = Literal["reject", "warn", "allow"]


class WrongPlace(NotTrusted):
    """A package comes from a registry that its namespace is not bound to."""


class InvalidTrustPolicy(InvalidInput):
    """A trust policy is not one that this version can enforce to the letter."""


Format = Literal["bundle", "legacy"]  # a sigstore bundle that refers to the artifact; cosign's `.sig` tag


class Signer(Struct, frozen=True):
    """A key, or an identity that has a new key each time, and what the policy calls it."""

    name: str
    key: PublicKey | Identity
    expires: date | None = None  # the last day on which it makes something new trusted
    revoked: bool = False  # it never counts, whenever it signed: nothing tells when that was

    @property
    def hint(self) -> str:
        """How a lock records it: the key's fingerprint, or issuer and subject."""
        return self.key.hint

    def covers(self, other: Signer) -> bool:
        """Whether what `other` has signed counts as signed by this one, whatever either is called."""
        if isinstance(self.key, Identity) and isinstance(other.key, Identity):
            return self.key.covers(other.key)
        return self.key == other.key

    def is_recorded_as(self, hint: str) -> bool:
        """Whether a lock means this one by `hint`."""
        return self.key.is_recorded_as(hint) if isinstance(self.key, Identity) else self.hint == hint


def is_among(signer: Signer, named: Iterable[Signer]) -> bool:
    """Whether one of those whom a rule has `named` is the one who has signed."""
    return any(each.covers(signer) for each in named)


class RequiredPredicate(Struct, frozen=True):
    """An attestation that an artifact must have."""

    predicate_type: str  # URI
    signers: tuple[Signer, ...]  # any one of them; they count for this and for no signature
    builder: str | None = None  # `runDetails.builder.id` that a SLSA predicate must have


class Rule(Struct, frozen=True):
    """Who must have signed the artifacts of some repositories."""

    match: str  # the pattern; the repository itself where the default applies
    signers: tuple[Signer, ...] = ()  # distinct keys and identities
    threshold: int = 1  # how many of them, at least 1
    unsigned: Unsigned = "reject"
    is_default: bool = False  # no rule of the policy is for the repository
    formats: tuple[Format, ...] = ("bundle",)
    required: tuple[RequiredPredicate, ...] = ()
    accepted_attestations: tuple[str, ...] = ()  # predicate types that are taken for a signature
    # Whether package and version must be inside what is signed. None: of signatures, not of attestations that are
    # taken for one, which nobody but wpkg puts a package into.
    require_identity: bool | None = None
    max_age: int | None = None  # days since the provenance says that it was made; not for what is locked
    require_inputs_signed: bool = False  # of what is composed, down to the last; for who can look them up
    origin: str = ""  # the file that the rule is from, where that is not the project file
    is_of_keys: bool = False  # nobody has written it: it is what `--key` comes to

    def requires_identity(self, *, signs: bool) -> bool:
        """Whether package and version must be inside a statement: a signature on a package, or something else."""
        return signs if self.require_identity is None else self.require_identity

    @property
    def keys(self) -> tuple[Signer, ...]:
        """Everybody whom the rule names, in whatever role, once."""
        named = {signer.name: signer for item in self.required for signer in item.signers}
        named.update({signer.name: signer for signer in self.signers})
        return tuple(sorted(named.values(), key=lambda signer: signer.name))


class TrustPolicy(Struct, frozen=True):
    """Rules, and what becomes of repositories without one."""

    rules: tuple[tuple[RepositoryPattern, Rule], ...] = ()  # literal prefixes are distinct
    default: Literal["reject", "warn"] = "reject"
    namespaces: Mapping[str, str] = field(default_factory=dict)  # of packages -> where they may come from
    origin: str = ""  # as of Rule
    also: tuple[TrustPolicy, ...] = ()  # policies that have to be satisfied as well

    @classmethod
    def of_keys(cls, keys: Mapping[str, PublicKey], formats: tuple[Format, ...] = ("bundle", "legacy")) -> Self:
        """The policy that any one of `keys`, by name, must have signed, wherever the artifact is."""
        distinct = {key.spki: Signer(name, key) for name, key in sorted(keys.items(), reverse=True)}
        signers = tuple(sorted(distinct.values(), key=lambda signer: signer.name))
        rule = Rule(EVERYTHING, signers, formats=formats, is_of_keys=True)
        return cls(((RepositoryPattern.parse(EVERYTHING), rule),))

    def rule_for(self, repository: str) -> Rule:
        """The one rule for the artifacts of `repository`, which is 'registry/path' without tag or digest."""
        normal = normalize_repository(repository)
        matching = [(pattern, rule) for pattern, rule in self.rules if pattern.matches(normal)]
        if not matching:
            return Rule(repository, unsigned=self.default, is_default=True, origin=self.origin)
        return max(matching, key=lambda item: len(item[0].literal))[1]

    def check_place(self, package: PackageName, repository: str) -> None:
        """Nothing when packages of the namespace may come from `repository`. Raises: WrongPlace."""
        prefix = self.namespaces.get(package.namespace)
        if prefix is None:
            return
        normal, allowed = normalize_repository(repository), normalize_repository(prefix)
        if normal != allowed and not normal.startswith(allowed + "/"):
            raise WrongPlace(
                f"{package} is in {repository}, and packages of '{package.namespace}' come from {prefix} only",
                hint=f"see [trust.namespaces]{f' of {self.origin}' if self.origin else ''}, and [registries]",
            )
