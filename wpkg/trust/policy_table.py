"""The `[trust]` table of a project file, as a policy.

Grammar (TOML)::

    [trust]
    version     = 1
    default     = "reject" | "warn"                 "reject" when absent
    min-signers = 1                                 threshold of rules that have none, and the least they may have
    [trust.keys.NAME]
    path = "trust/acme.pub"  |  pem = "…"           exactly one of the two, never a URL
    fingerprint = "…"                               base64 or hex of the SHA-256 of the key; must fit
    expires = 2027-12-31                            last day on which it makes something new trusted
    revoked = true                                  it never counts
    [trust.identities.NAME]                         see `wpkg.trust.identity_table`
    [trust.namespaces]
    acme = "ghcr.io/acme"                           where packages of a namespace may come from
    [[trust.rule]]
    match     = "ghcr.io/acme/**"                   see `wpkg.trust.pattern`
    signers   = ["NAME"]
    threshold = 1                                   distinct keys
    unsigned  = "allow"                             not for match = "**"
    formats   = ["bundle", "legacy"]                ["bundle"] when absent; "legacy" is cosign's .sig tag
    require   = [{ predicate = URI, signers = ["NAME"], builder = URI }]      the rule's signers when absent
    accept-attestation = [URI]                      predicate types that are taken for a signature
    require-identity = true | false                 package and version must be inside the signature, or the
                                                    config that it covers; when absent, so it is for signatures
                                                    and not for what accept-attestation takes for one
    max-age   = "30d"                               days since provenance says that it was finished, for new pins
    require-inputs-signed = true                    what it was composed of is verified as well, down to the last

A word that is not known is an error: a rule that is written down and ignored is worse than none. Each error names
the path of the key at fault.
"""

from __future__ import annotations

import base64
import difflib
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from wpkg.documents.toml_table import Table
from wpkg.errors import WpkgError
from wpkg.trust.identity import Identity
from wpkg.trust.identity_table import read_identities
from wpkg.trust.keys import PublicKey
from wpkg.trust.pattern import InvalidPattern, RepositoryPattern
from wpkg.trust.policy import InvalidTrustPolicy, RequiredPredicate, Rule, Signer, TrustPolicy
from wpkg.trust.statement import SLSA_PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wpkg.trust.policy import Format, Unsigned

SUPPORTED_VERSION = 1

_ROOT = frozenset({"version", "default", "min-signers", "keys", "identities", "rule", "namespaces"})
_KEY = frozenset({"path", "pem", "fingerprint", "expires", "revoked"})
_RULE = frozenset(
    {
        "match",
        "signers",
        "threshold",
        "unsigned",
        "formats",
        "require",
        "accept-attestation",
        "require-identity",
        "max-age",
        "require-inputs-signed",
    }
)
_DAYS = re.compile(r"([1-9][0-9]{0,4})d")
_REQUIRED = frozenset({"predicate", "signers", "builder"})
_URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")


def read_policy(table: Mapping[str, Any], read_key: Callable[[str], bytes], origin: str = "") -> TrustPolicy:
    """The policy in a `[trust]` table; `read_key` returns a file that it names, `origin` as in TrustPolicy.

    Raises: InvalidTrustPolicy, InvalidKey, and what `read_key` raises.
    """
    root = Table(table, "trust", InvalidTrustPolicy)
    root.only(_ROOT)
    version = table.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version != SUPPORTED_VERSION:
        raise root.fail(
            "version",
            "it is missing" if version is None else f"this version of wpkg reads version {SUPPORTED_VERSION}",
            hint=f"write 'version = {SUPPORTED_VERSION}' under [trust]" if version is None else None,
        )
    min_signers = root.count("min-signers", 1)
    signers = _read_signers(root, read_key)
    for signer in read_identities(root, read_key):
        if signer.name in signers:
            raise root.fail("identities", f"'{signer.name}' is the name of a key")
        signers[signer.name] = signer
    rules = tuple(_read_rule(item, signers, min_signers, origin) for item in root.tables("rule"))
    _refuse_ties(rules)
    default = root.word("default", ("reject", "warn"), "reject")
    places = _read_namespaces(root)
    return TrustPolicy(rules, cast("Literal['reject', 'warn']", default), places, origin)


def _read_namespaces(root: Table) -> dict[str, str]:
    """Where the packages of each namespace may come from."""
    table = root.table("namespaces") or Table({}, "trust.namespaces", InvalidTrustPolicy)
    places = {}
    for namespace, text in table.text_items():
        try:
            pattern = RepositoryPattern.parse(f"{text}/**")
        except InvalidPattern:
            raise table.fail(namespace, "it is not 'registry' or 'registry/path'") from None
        places[namespace] = pattern.text.removesuffix("/**")
    return places


def _read_signers(root: Table, read_key: Callable[[str], bytes]) -> dict[str, Signer]:
    """The keys of the policy by name; no key has two names."""
    signers: dict[str, Signer] = {}
    names: dict[bytes, str] = {}
    keys = root.table("keys") or Table({}, "trust.keys", InvalidTrustPolicy)
    for name, value in sorted(keys.values.items()):
        table = Table(value, keys.where(name), InvalidTrustPolicy)
        table.only(_KEY)
        expires = table.values.get("expires")
        if expires is not None and (not isinstance(expires, date) or isinstance(expires, datetime)):
            raise table.fail("expires", "it is not a date, such as 2027-12-31 without quotes")
        key = _read_key(table, read_key)
        other = names.setdefault(key.spki, name)
        if other != name:
            # Two names for one key could meet a threshold of two.
            raise InvalidTrustPolicy(f"it is the same key as '{other}'").within(table.path)
        signers[name] = Signer(name, key, expires, table.flag("revoked"))
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


def _read_rule(
    table: Table, signers: Mapping[str, Signer], min_signers: int, origin: str
) -> tuple[RepositoryPattern, Rule]:
    table.only(_RULE)
    try:
        pattern = RepositoryPattern.parse(table.required_text("match"))
    except InvalidPattern as error:
        raise table.fail("match", error.message, hint=error.hint) from error
    unsigned = table.word("unsigned", ("allow",), "reject") if "unsigned" in table else "reject"
    if unsigned == "allow" and pattern.is_everything:
        raise table.fail("unsigned", "it may not be allowed for every repository", hint="name a registry")

    names = _read_names(table, signers)
    if not names and unsigned == "reject":
        raise table.fail("signers", "it names nobody, so nothing could be accepted")

    threshold = table.count("threshold", min_signers)
    if threshold < min_signers:
        raise table.fail("threshold", f"it is lower than trust.min-signers, which is {min_signers}")
    if names and threshold > len(names):
        raise table.fail("threshold", f"it takes {threshold} signers, the rule names {len(names)}")
    formats = table.texts("formats")
    if formats is not None and (not formats or not set(formats) <= {"bundle", "legacy"}):
        raise table.fail("formats", "it is not an array of 'bundle' and 'legacy'")
    named = tuple(signers[name] for name in names)
    if formats is not None and "bundle" not in formats and any(isinstance(each.key, Identity) for each in named):
        raise table.fail("formats", "an identity signs bundles, and the rule takes none", hint='add "bundle"')
    rule = Rule(
        str(pattern),
        named,
        threshold,
        cast("Unsigned", unsigned),
        formats=cast("tuple[Format, ...]", formats or ("bundle",)),
        required=tuple(_read_required(item, signers, named) for item in table.tables("require")),
        accepted_attestations=tuple(
            _checked_uri(table, "accept-attestation", uri) for uri in table.texts("accept-attestation") or ()
        ),
        require_identity=table.flag("require-identity") if "require-identity" in table else None,
        max_age=_read_days(table, "max-age"),
        require_inputs_signed=table.flag("require-inputs-signed"),
        origin=origin,
    )
    for key in ("require", "max-age", "require-inputs-signed"):
        if unsigned == "allow" and table.values.get(key):
            raise table.fail(key, "nothing can be required of what may be unsigned")
    return pattern, rule


def _read_days(table: Table, key: str) -> int | None:
    text = table.text(key)
    if text is None:
        return None
    days = _DAYS.fullmatch(text)
    if days is None:
        raise table.fail(key, "it is not a number of days, such as '30d'")
    return int(days[1])


def _read_names(table: Table, signers: Mapping[str, Signer]) -> tuple[str, ...]:
    """The `signers` of a table, each of which is a key or an identity of the policy."""
    names = table.texts("signers") or ()
    for name in names:
        if name not in signers:
            near = difflib.get_close_matches(name, signers, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"add a table [trust.keys.{name}]"
            raise table.fail("signers", f"'{name}' is not a key or identity of this policy", hint=hint)
    return names


def _read_required(
    table: Table, signers: Mapping[str, Signer], otherwise: tuple[Signer, ...]
) -> RequiredPredicate:
    table.only(_REQUIRED)
    predicate = _checked_uri(table, "predicate", table.required_text("predicate"))
    builder = table.text("builder")
    if builder is not None and predicate != SLSA_PROVENANCE:
        raise table.fail("builder", f"only {SLSA_PROVENANCE} has one")
    named = tuple(signers[name] for name in _read_names(table, signers)) or otherwise
    if not named:
        raise table.fail("signers", "it names nobody, so nothing could be accepted")
    return RequiredPredicate(predicate, named, builder)


def _checked_uri(table: Table, key: str, text: str) -> str:
    if _URI.fullmatch(text) is None:
        raise table.fail(key, f"'{text[:80]}' is not a predicate type, which is a URI")
    return text


def _refuse_ties(rules: tuple[tuple[RepositoryPattern, Rule], ...]) -> None:
    seen: dict[str, RepositoryPattern] = {}
    for i, (pattern, _) in enumerate(rules):
        other = seen.setdefault(pattern.literal, pattern)
        if other is not pattern:
            raise InvalidTrustPolicy(
                f"'{pattern}' and '{other}' have the same literal prefix, so neither goes first",
                hint="write one rule with the signers of both",
            ).within(f"trust.rule[{i}].match")
