"""The `[trust]` table of a project file, as a policy.

Grammar (TOML)::

    [trust]
    version     = 1
    default     = "reject" | "warn"                 "reject" when absent
    min-signers = 1                                 threshold of rules that have none, and the least they may have
    [trust.keys.NAME]
    path = "trust/acme.pub"  |  pem = "…"           exactly one of the two, never a URL
    fingerprint = "…"                               base64 or hex of the SHA-256 of the key; must fit
    [[trust.rule]]
    match     = "ghcr.io/acme/**"                   see `wpkg.trust.pattern`
    signers   = ["NAME"]
    threshold = 1                                   distinct keys
    unsigned  = "allow"                             not for match = "**"

A word that is not known is an error, and so is one that is known but not enforced yet: a rule that is written
down and ignored is worse than none. Every error names the path of the key at fault.
"""

from __future__ import annotations

import base64
import difflib
from typing import TYPE_CHECKING, Any, Literal, cast

from wpkg.documents.toml_table import Table
from wpkg.errors import WpkgError
from wpkg.trust.keys import PublicKey
from wpkg.trust.pattern import InvalidPattern, RepositoryPattern
from wpkg.trust.policy import InvalidTrustPolicy, Rule, Signer, TrustPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wpkg.trust.policy import Unsigned

SUPPORTED_VERSION = 1

_ROOT = frozenset({"version", "default", "min-signers", "keys", "rule"})
_ROOT_LATER = frozenset({"namespaces", "identities"})
_KEY = frozenset({"path", "pem", "fingerprint"})
_KEY_LATER = frozenset({"expires", "revoked"})
_RULE = frozenset({"match", "signers", "threshold", "unsigned"})
_RULE_LATER = frozenset(
    {"formats", "require", "accept-attestation", "require-identity", "max-age", "require-inputs-signed"}
)


def read_policy(table: Mapping[str, Any], read_key: Callable[[str], bytes]) -> TrustPolicy:
    """The policy in a `[trust]` table; `read_key` returns the file of a key's `path`.

    Raises: InvalidTrustPolicy, InvalidKey, and what `read_key` raises.
    """
    root = Table(table, "trust", InvalidTrustPolicy)
    root.only(_ROOT, later=_ROOT_LATER)
    version = table.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version != SUPPORTED_VERSION:
        raise root.fail(
            "version",
            "it is missing" if version is None else f"this version of wpkg reads version {SUPPORTED_VERSION}",
            hint=f"write 'version = {SUPPORTED_VERSION}' under [trust]" if version is None else None,
        )
    min_signers = root.count("min-signers", 1)
    signers = _read_signers(root, read_key)
    rules = tuple(_read_rule(item, signers, min_signers) for item in root.tables("rule"))
    _refuse_ties(rules)
    default = root.word("default", ("reject", "warn"), "reject")
    return TrustPolicy(rules, cast("Literal['reject', 'warn']", default))


def _read_signers(root: Table, read_key: Callable[[str], bytes]) -> dict[str, Signer]:
    """The keys of the policy by name; no key has two names."""
    signers: dict[str, Signer] = {}
    names: dict[bytes, str] = {}
    keys = root.table("keys") or Table({}, "trust.keys", InvalidTrustPolicy)
    for name, value in sorted(keys.values.items()):
        table = Table(value, keys.where(name), InvalidTrustPolicy)
        table.only(_KEY, later=_KEY_LATER)
        signer = Signer(name, _read_key(table, read_key))
        other = names.setdefault(signer.key.spki, name)
        if other != name:
            # Two names for one key could meet a threshold of two.
            raise InvalidTrustPolicy(f"it is the same key as '{other}'").within(table.path)
        signers[name] = signer
    return signers


def _read_key(table: Table, read_key: Callable[[str], bytes]) -> PublicKey:
    if ("path" in table) == ("pem" in table):
        raise InvalidTrustPolicy("it needs either 'path' or 'pem'").within(table.path)
    source = "path" if "path" in table else "pem"
    text = table.required_text(source)
    try:
        key = PublicKey.from_pem(read_key(text) if source == "path" else text.encode("ascii", "replace"))
    except WpkgError as error:
        error.within(f"{table.path}.{source}")
        raise
    if "fingerprint" in table:
        fingerprint = table.required_text("fingerprint")
        if fingerprint not in {key.hint, base64.b64decode(key.hint).hex()}:
            raise table.fail("fingerprint", f"the key has another one: {key.hint}")
    return key


def _read_rule(table: Table, signers: Mapping[str, Signer], min_signers: int) -> tuple[RepositoryPattern, Rule]:
    table.only(_RULE, later=_RULE_LATER)
    try:
        pattern = RepositoryPattern.parse(table.required_text("match"))
    except InvalidPattern as error:
        raise table.fail("match", error.message, hint=error.hint) from error
    unsigned = table.word("unsigned", ("allow",), "reject") if "unsigned" in table else "reject"
    if unsigned == "allow" and pattern.is_everything:
        raise table.fail("unsigned", "it may not be allowed for every repository", hint="name a registry")

    names = table.texts("signers") or ()
    for name in names:
        if name not in signers:
            near = difflib.get_close_matches(name, signers, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"add a table [trust.keys.{name}]"
            raise table.fail("signers", f"'{name}' is not a key of this policy", hint=hint)
    if not names and unsigned == "reject":
        raise table.fail("signers", "it names nobody, so nothing could be accepted")

    threshold = table.count("threshold", min_signers)
    if threshold < min_signers:
        raise table.fail("threshold", f"it is lower than trust.min-signers, which is {min_signers}")
    if names and threshold > len(names):
        raise table.fail("threshold", f"it takes {threshold} signers, the rule names {len(names)}")
    rule = Rule(str(pattern), tuple(signers[name] for name in names), threshold, cast("Unsigned", unsigned))
    return pattern, rule


def _refuse_ties(rules: tuple[tuple[RepositoryPattern, Rule], ...]) -> None:
    seen: dict[str, RepositoryPattern] = {}
    for i, (pattern, _) in enumerate(rules):
        other = seen.setdefault(pattern.literal, pattern)
        if other is not pattern:
            raise InvalidTrustPolicy(
                f"'{pattern}' and '{other}' have the same literal prefix, so neither goes first",
                hint="write one rule with the signers of both",
            ).within(f"trust.rule[{i}].match")
