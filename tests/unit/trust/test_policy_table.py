from __future__ import annotations

import base64
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trust.conftest import stream
from wpkg.errors import InvalidInput, WpkgError
from wpkg.trust.keys import PrivateKey
from wpkg.trust.policy import InvalidTrustPolicy, RequiredPredicate, Signer, TrustPolicy
from wpkg.trust.policy_table import read_policy

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App


class Missing(WpkgError):
    """A key file that is not there."""


@pytest.fixture
def files(app: App) -> dict[str, bytes]:
    return {"trust/acme.pub": app.acme.public.pem, "other.pub": app.stranger.public.pem, "bad.pub": b"x"}


def read(text: str, files: dict[str, bytes]) -> TrustPolicy:
    def read_key(path: str) -> bytes:
        if path not in files:
            raise Missing(f"{path} is not there")
        return files[path]

    return read_policy(tomllib.loads(text)["trust"], read_key)


KEYS = """
[trust]
version = 1
[trust.keys.acme]
path = "trust/acme.pub"
[trust.keys.other]
path = "other.pub"
"""


def test_reads_the_whole_schema(app: App, files: dict[str, bytes]) -> None:
    policy = read(
        f'''
        [trust]
        version = 1
        default = "warn"
        min-signers = 1
        [trust.keys.acme-2026]
        path = "trust/acme.pub"
        fingerprint = "{app.acme.public.hint}"
        [trust.keys.acme-2025]
        pem = """
{app.stranger.public.pem.decode()}"""
        fingerprint = "{base64.b64decode(app.stranger.public.hint).hex()}"
        [[trust.rule]]
        match = "ghcr.io/acme/**"
        signers = ["acme-2026", "acme-2025"]
        threshold = 2
        [[trust.rule]]
        match = "127.0.0.1:*/**"
        unsigned = "allow"
        ''',
        files,
    )
    rule = policy.rule_for("ghcr.io/acme/app")
    assert [(signer.name, signer.key) for signer in rule.signers] == [
        ("acme-2026", app.acme.public),
        ("acme-2025", app.stranger.public),
    ]
    assert (rule.match, rule.threshold, rule.unsigned) == ("ghcr.io/acme/**", 2, "reject")
    local = policy.rule_for("127.0.0.1:5000/demo/app")
    assert (local.signers, local.threshold, local.unsigned) == ((), 1, "allow")
    assert policy.default == "warn"


def test_an_empty_policy_rejects_everything(files: dict[str, bytes]) -> None:
    policy = read("[trust]\nversion = 1", files)
    assert policy == TrustPolicy()
    assert policy.rule_for("ghcr.io/acme/app").unsigned == "reject"


def test_the_threshold_is_min_signers_unless_given(files: dict[str, bytes]) -> None:
    text = KEYS.replace("version = 1", "version = 1\nmin-signers = 2")
    rule = read(text + '[[trust.rule]]\nmatch = "**"\nsigners = ["acme", "other"]', files)
    assert rule.rule_for("a/b").threshold == 2


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        pytest.param("[trust]", "trust.version", "missing", id="no version"),
        pytest.param("[trust]\nversion = 2", "trust.version", "reads version 1", id="a later version"),
        pytest.param("[trust]\nversion = 1.0", "trust.version", "reads version 1", id="a fraction for a version"),
        pytest.param("[trust]\nversion = true", "trust.version", "reads version 1", id="true for a version"),
        pytest.param(
            '[trust]\nversion = 1\ndefault = "allow"', "trust.default", "'reject' or 'warn'", id="default allow"
        ),
        pytest.param(
            "[trust]\nversion = 1\nmin-signers = 0", "trust.min-signers", "at least 1", id="no signers at all"
        ),
        pytest.param("[trust]\nversion = 1\nkeys = []", "trust.keys", "not a table", id="a list of keys"),
        pytest.param(
            '[trust]\nversion = 1\n[trust.rule]\nmatch = "**"',
            "trust.rule",
            "[[trust.rule]]",
            id="one rule as a table",
        ),
        pytest.param(
            "[trust]\nversion = 1\nrule = [1]", "trust.rule[0]", "not a table", id="a rule that is no table"
        ),
        pytest.param(
            "[trust]\nversion = 1\n[trust.keys.a]",
            "trust.keys.a",
            "either 'path' or 'pem'",
            id="a key without source",
        ),
        pytest.param(
            '[trust]\nversion = 1\n[trust.keys.a]\npath = "other.pub"\npem = "x"',
            "trust.keys.a",
            "either 'path' or 'pem'",
            id="a key with two sources",
        ),
        pytest.param(
            '[trust]\nversion = 1\n[trust.keys.a]\npath = "bad.pub"',
            "trust.keys.a.path",
            "PEM",
            id="a file without key",
        ),
        pytest.param(
            '[trust]\nversion = 1\n[trust.keys.a]\npem = "x"', "trust.keys.a.pem", "PEM", id="a text without key"
        ),
        pytest.param(
            '[trust]\nversion = 1\n[trust.keys.a]\npath = "nowhere.pub"',
            "trust.keys.a.path",
            "nowhere.pub is not there",
            id="a file that is not there",
        ),
        pytest.param(
            '[trust]\nversion = 1\n[trust.keys.a]\npath = "other.pub"\nfingerprint = "AAAA"',
            "trust.keys.a.fingerprint",
            "the key has another one",
            id="another fingerprint",
        ),
        pytest.param(
            KEYS + '[trust.keys.again]\npath = "other.pub"',
            "trust.keys.other",
            "the same key as 'again'",
            id="one key of two names",
        ),
        pytest.param(KEYS + '[[trust.rule]]\nsigners = ["acme"]', "trust.rule[0].match", "missing", id="no match"),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "https://x/**"\nsigners = ["acme"]',
            "trust.rule[0].match",
            "not a pattern",
            id="a scheme in match",
        ),
        pytest.param(KEYS + '[[trust.rule]]\nmatch = "**"', "trust.rule[0].signers", "nobody", id="no signers"),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "**"\nsigners = "acme"',
            "trust.rule[0].signers",
            "not an array of strings",
            id="a text",
        ),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "**"\nsigners = ["acme", "acme"]',
            "trust.rule[0].signers",
            "one twice",
            id="a signer twice",
        ),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "**"\nsigners = ["nobody-known"]',
            "trust.rule[0].signers",
            "'nobody-known' is not a key or identity",
            id="an unknown signer",
        ),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "**"\nunsigned = "allow"',
            "trust.rule[0].unsigned",
            "not be allowed for every repository",
            id="unsigned allowed for everything",
        ),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "a.b/**"\nsigners = ["acme"]\nunsigned = "warn"',
            "trust.rule[0].unsigned",
            "'allow'",
            id="unsigned with another word",
        ),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "**"\nsigners = ["acme"]\nthreshold = 2',
            "trust.rule[0].threshold",
            "takes 2 signers, the rule names 1",
            id="a threshold that nobody can meet",
        ),
        pytest.param(
            KEYS + '[[trust.rule]]\nmatch = "**"\nsigners = ["acme"]\nthreshold = 0',
            "trust.rule[0].threshold",
            "at least 1",
            id="a threshold of none",
        ),
        pytest.param(
            KEYS.replace("version = 1", "version = 1\nmin-signers = 2")
            + '[[trust.rule]]\nmatch = "**"\nsigners = ["acme", "other"]\nthreshold = 1',
            "trust.rule[0].threshold",
            "lower than trust.min-signers",
            id="a threshold below min-signers",
        ),
        pytest.param(
            KEYS
            + '[[trust.rule]]\nmatch = "ghcr.io/acme/**"\nsigners = ["acme"]\n'
            + '[[trust.rule]]\nmatch = "GHCR.io/acme/**"\nsigners = ["other"]',
            "trust.rule[1].match",
            "same literal prefix",
            id="two rules of one prefix",
        ),
    ],
)
def test_refuses(text: str, path: str, message: str, files: dict[str, bytes]) -> None:
    with pytest.raises(WpkgError) as caught:
        read(text, files)
    assert caught.value.context == (path,)
    assert message in caught.value.message
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("[trust]\nversion = 1\ndefualt = 1", "trust.defualt", "did you mean 'default'?"),
        (
            "[trust]\nversion = 1\nxyz = 1",
            "trust.xyz",
            "known keys: default, identities, keys, min-signers, namespaces, rule, version",
        ),
        ("[trust]\nversion = 1\nrules = []", "trust.rules", "did you mean 'rule'?"),
        ("[trust]\nversion = 1\n[trust.keys.a]\npaht = 'x'", "trust.keys.a.paht", "did you mean 'path'?"),
        ("[trust]\nversion = 1\n[[trust.rule]]\nmach = 'x'", "trust.rule[0].mach", "did you mean 'match'?"),
    ],
)
def test_an_unknown_word_names_the_nearest_known_one(
    text: str, path: str, hint: str | None, files: dict[str, bytes]
) -> None:
    with pytest.raises(InvalidTrustPolicy, match="not a key that wpkg knows") as caught:
        read(text, files)
    assert (caught.value.context, caught.value.hint) == ((path,), hint)
    assert caught.value.exit_code == 2


def test_an_unknown_signer_names_the_nearest_key(files: dict[str, bytes]) -> None:
    with pytest.raises(InvalidTrustPolicy) as caught:
        read(KEYS + '[[trust.rule]]\nmatch = "**"\nsigners = ["amce"]', files)
    assert caught.value.hint == "did you mean 'acme'?"


FULL = """
[trust]
version = 1
[trust.namespaces]
acme = "ghcr.io/acme"
[trust.keys.acme]
path = "acme.pub"
expires = 2027-12-31
[trust.keys.ci]
path = "ci.pub"
revoked = true
[[trust.rule]]
match = "ghcr.io/acme/**"
signers = ["acme"]
formats = ["bundle", "legacy"]
require-identity = true
max-age = "30d"
require-inputs-signed = true
accept-attestation = ["https://example.com/p"]
require = [
    { predicate = "https://slsa.dev/provenance/v1", signers = ["ci"], builder = "https://example.com/builder" },
    { predicate = "https://cyclonedx.org/bom" },
]
"""


@pytest.mark.parametrize(
    ("line", "of_signatures", "of_attestations"),
    [("", True, False), ("require-identity = true", True, True), ("require-identity = false", False, False)],
)
def test_of_what_identity_is_required(line: str, *, of_signatures: bool, of_attestations: bool) -> None:
    key = PrivateKey.generate(stream("acme")).public
    text = (
        '[trust]\nversion = 1\n[trust.keys.acme]\npath = "a"\n[[trust.rule]]\nmatch = "**"\nsigners = ["acme"]\n'
    )
    rule = read(text + line, {"a": key.pem}).rule_for("ghcr.io/acme/app")
    assert (rule.requires_identity(signs=True), rule.requires_identity(signs=False)) == (
        of_signatures,
        of_attestations,
    )


def test_everything_that_can_be_said_is_in_the_policy() -> None:
    pair = {name: PrivateKey.generate(stream(name)).public for name in ("acme", "ci")}
    policy = read(FULL, {f"{name}.pub": key.pem for name, key in pair.items()})
    acme = Signer("acme", pair["acme"], expires=date(2027, 12, 31))
    ci = Signer("ci", pair["ci"], revoked=True)
    ((_, rule),) = policy.rules
    assert policy.namespaces == {"acme": "ghcr.io/acme"}
    assert rule.signers == (acme,)
    assert rule.formats == ("bundle", "legacy")
    assert rule.require_identity
    assert (rule.max_age, rule.require_inputs_signed) == (30, True)
    assert rule.accepted_attestations == ("https://example.com/p",)
    assert rule.required == (
        RequiredPredicate("https://slsa.dev/provenance/v1", (ci,), "https://example.com/builder"),
        RequiredPredicate("https://cyclonedx.org/bom", (acme,)),
    )
    assert rule.keys == (acme, ci)


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        *(
            ('"30d"', value, "trust.rule[0].max-age", said)
            for value, said in [
                ("30", "not a string"),
                ('"30"', "not a number of days, such as '30d'"),
                ('"0d"', "not a number of days"),
                ('"-1d"', "not a number of days"),
                ('"4w"', "not a number of days"),
                ('"1000000d"', "not a number of days"),
                ('"30d\\n"', "not a number of days"),
            ]
        ),
        (
            "require-inputs-signed = true",
            "require-inputs-signed = 1",
            "trust.rule[0].require-inputs-signed",
            "true or false",
        ),
        ("2027-12-31", '"2027-12-31"', "trust.keys.acme.expires", "not a date"),
        ("2027-12-31", "2027-12-31T00:00:00Z", "trust.keys.acme.expires", "not a date"),
        ("revoked = true", 'revoked = "no"', "trust.keys.ci.revoked", "not true or false"),
        ('acme = "ghcr.io/acme"', 'acme = "https://ghcr.io"', "trust.namespaces.acme", "not 'registry'"),
        ('acme = "ghcr.io/acme"', 'acme = "ghcr.io/**"', "trust.namespaces.acme", "not 'registry'"),
        ('["bundle", "legacy"]', '["notation"]', "trust.rule[0].formats", "array of 'bundle' and 'legacy'"),
        ('["bundle", "legacy"]', "[]", "trust.rule[0].formats", "array of 'bundle' and 'legacy'"),
        ('signers = ["ci"]', 'signers = ["cu"]', "trust.rule[0].require[0].signers", "'cu' is not a key"),
        ('"https://cyclonedx.org/bom"', '"bom"', "trust.rule[0].require[1].predicate", "which is a URI"),
        ('bom"', 'bom", builder = "x"', "trust.rule[0].require[1].builder", "only https://slsa.dev"),
        ('predicate = "https://cyc', 'predcate = "https://cyc', "trust.rule[0].require[1].predcate", "not a key"),
        ("require-identity = true", 'unsigned = "allow"', "trust.rule[0].require", "nothing can be required"),
    ],
)
def test_what_is_said_wrongly_is_refused_where_it_stands(old: str, new: str, path: str, message: str) -> None:
    files = {f"{name}.pub": PrivateKey.generate(stream(name)).public.pem for name in ("acme", "ci")}
    assert FULL.count(old) == 1, old
    with pytest.raises(InvalidTrustPolicy, match=message) as caught:
        read(FULL.replace(old, new), files)
    assert caught.value.context == (path,)


words = st.sampled_from(
    [
        "version",
        "default",
        "min-signers",
        "keys",
        "rule",
        "match",
        "signers",
        "threshold",
        "unsigned",
        "path",
        "pem",
        "expires",
        "revoked",
        "namespaces",
        "formats",
        "require",
        "predicate",
        "accept-attestation",
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.text(max_size=5)
    | st.sampled_from(["**", "acme", "reject"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, values))
def test_any_table_is_a_policy_or_refused(table: dict[str, Any]) -> None:
    try:
        read_policy({"version": 1, **table}, lambda _: b"")
    except InvalidInput:
        return
