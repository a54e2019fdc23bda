"""`[trust.identities]`: what it says, and what it refuses to say."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from wpkg.errors import WpkgError
from wpkg.trust.identity import Identity, describe_signer
from wpkg.trust.keys import InvalidKey
from wpkg.trust.policy_table import read_policy

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App
    from wpkg.trust.policy import TrustPolicy

ROOT = json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}).encode()
GITHUB = "https://token.actions.githubusercontent.com"
WASI = "https://github.com/WebAssembly/WASI/.github/workflows/publish.yml@refs/tags/v0.2.12"
HEAD = "[trust]\nversion = 1\n"
IDENTITY = f"""{HEAD}[trust.identities.wasi]
issuer = "{GITHUB}"
subject = "{WASI}"
trusted-root = "root.json"
"""
RULE = '[[trust.rule]]\nmatch = "ghcr.io/wasi/**"\nsigners = ["wasi"]\n'


def read(text: str, app: App | None = None) -> TrustPolicy:
    files = {"root.json": ROOT, "text": b"{", "twice": b'{"a":1,"a":2}', "bundle.json": b'{"mediaType":"x"}'}
    if app is not None:
        files["wasi.pub"] = app.acme.public.pem

    def read_file(path: str) -> bytes:
        if path not in files:
            raise InvalidKey(f"{path} is not there")
        return files[path]

    return read_policy(tomllib.loads(text)["trust"], read_file)


def test_an_identity_signs_where_a_rule_names_it(app: App) -> None:
    policy = read(
        IDENTITY + RULE + 'require = [{ predicate = "https://slsa.dev/provenance/v1", signers = ["builder"] }]\n'
        '[trust.keys.acme]\npath = "wasi.pub"\n[trust.identities.builder]\n'
        f'issuer = "{GITHUB}"\nsubject-regexp = "https://github\\\\.com/acme/.*"\ntrusted-root = "root.json"\n'
        '[[trust.rule]]\nmatch = "a.b/**"\nsigners = ["acme", "wasi"]\nthreshold = 2\n',
        app,
    )
    rule = policy.rule_for("ghcr.io/wasi/http")
    assert [(signer.name, signer.key) for signer in rule.signers] == [("wasi", Identity(GITHUB, WASI, None, ROOT))]
    assert [signer.key for signer in rule.required[0].signers] == [
        Identity(GITHUB, None, r"https://github\.com/acme/.*", ROOT)
    ]
    assert [signer.name for signer in rule.keys] == ["builder", "wasi"]
    assert policy.rule_for("a.b/c").threshold == 2


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        pytest.param(("issuer =", "isuer ="), "trust.identities.wasi.isuer", "not a key that wpkg knows", id="an unknown word"),
        pytest.param((f'issuer = "{GITHUB}"', ""), "trust.identities.wasi.issuer", "it is missing", id="no issuer"),
        pytest.param((f'"{GITHUB}"', '"https://a b"'), "trust.identities.wasi.issuer", "is not a URI", id="an issuer with white space"),
        pytest.param((f'"{GITHUB}"', '"github"'), "trust.identities.wasi.issuer", "is not a URI", id="an issuer that is a word"),
        pytest.param((f'subject = "{WASI}"', ""), "trust.identities.wasi", "either 'subject' or 'subject-regexp'", id="nobody"),
        pytest.param(("trusted-root", "subject-regexp = 'a'\ntrusted-root"), "trust.identities.wasi", "either 'subject' or", id="a subject and a pattern"),
        pytest.param((f'subject = "{WASI}"', 'subject = ""'), "trust.identities.wasi.subject", "it is empty", id="an empty subject"),
        pytest.param((f'subject = "{WASI}"', "subject-regexp = '('"), "trust.identities.wasi.subject-regexp", "not a regular expression", id="half a pattern"),
        pytest.param((f'subject = "{WASI}"', "subject-regexp = '.*'"), "trust.identities.wasi.subject-regexp", "it names everybody", id="a pattern for all"),
        pytest.param((f'subject = "{WASI}"', "subject-regexp = '\\S+'"), "trust.identities.wasi.subject-regexp", "it names everybody", id="another pattern for all"),
        pytest.param(('trusted-root = "root.json"', ""), "trust.identities.wasi.trusted-root", "it is missing", id="no root"),
        pytest.param(("root.json", "none.json"), "trust.identities.wasi.trusted-root", "none.json is not there", id="a root that is not there"),
        pytest.param(("root.json", "text"), "trust.identities.wasi.trusted-root", "text is not a trusted root of sigstore: ", id="a root that is no JSON"),
        pytest.param(("root.json", "twice"), "trust.identities.wasi.trusted-root", "'a' occurs twice", id="a root that says a thing twice"),
        pytest.param(("root.json", "bundle.json"), "trust.identities.wasi.trusted-root", "does not say that it is a trusted root", id="a root that is something else"),
        pytest.param(("[trust.identities.wasi]", '[trust.keys.wasi]\npath = "wasi.pub"\n[trust.identities.wasi]'), "trust.identities", "'wasi' is the name of a key", id="a name of two"),
        pytest.param(("[trust.identities.wasi]", f'[trust.identities.a]\nissuer = "{GITHUB}"\nsubject = "{WASI}"\ntrusted-root = "root.json"\n[trust.identities.wasi]'), "trust.identities.wasi", "the same identity as 'a'", id="one of two names"),
        pytest.param(('"wasi"]', '"wasi"]\nformats = ["legacy"]'), "trust.rule[0].formats", "an identity signs bundles", id="a rule without bundles"),
        pytest.param(('"wasi"]', '"wassi"]'), "trust.rule[0].signers", "'wassi' is not a key or identity", id="a name of nobody"),
    ],
)  # fmt: skip
def test_refuses(change: tuple[str, str], path: str, message: str, app: App) -> None:
    text = (IDENTITY + RULE).replace(*change)
    assert text != IDENTITY + RULE
    with pytest.raises(WpkgError) as caught:
        read(text, app)
    assert (caught.value.context, caught.value.exit_code) == ((path,), 2)
    assert message in caught.value.message


def test_a_lock_names_keys_and_identities_in_two_forms(app: App) -> None:
    identity = Identity(GITHUB, WASI, None, ROOT)
    assert identity.hint == f"{GITHUB} {WASI}"
    assert describe_signer(identity.hint) == f"the identity {WASI} of {GITHUB}"
    assert describe_signer(app.acme.public.hint) == f"the key {app.acme.public.hint}"


def test_a_pattern_recognises_what_a_lock_records() -> None:
    many = Identity(GITHUB, None, r"https://github\.com/WebAssembly/.*@refs/tags/v.*", ROOT)
    assert many.is_recorded_as(f"{GITHUB} {WASI}")
    for other in (f"{GITHUB} https://evil/?{WASI}", f"https://evil {WASI}", WASI, GITHUB, f"{GITHUB}  {WASI}"):
        assert not many.is_recorded_as(other)


def test_what_a_line_feed_ends_is_not_the_whole() -> None:
    many = Identity(GITHUB, None, "a.*$", ROOT)
    assert (many.matches(GITHUB, "ab"), many.matches(GITHUB, "ab\n")) == (True, False)
