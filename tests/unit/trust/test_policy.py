from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.trust.pattern import RepositoryPattern
from wpkg.trust.policy import Rule, TrustPolicy

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App


def policy(*patterns: str, **fields: Any) -> TrustPolicy:
    return TrustPolicy(tuple((RepositoryPattern.parse(text), Rule(text)) for text in patterns), **fields)


def test_the_rule_with_the_longest_literal_prefix_applies() -> None:
    rules = policy("**", "ghcr.io/**", "ghcr.io/acme/**", "ghcr.io/acme/app", "127.0.0.1:*/**")
    assert rules.rule_for("ghcr.io/acme/app").match == "ghcr.io/acme/app"
    assert rules.rule_for("ghcr.io/acme/app/part").match == "ghcr.io/acme/**"
    assert rules.rule_for("ghcr.io/other/app").match == "ghcr.io/**"
    assert rules.rule_for("quay.io/acme/app").match == "**"
    assert rules.rule_for("127.0.0.1:5000/x").match == "127.0.0.1:*/**"


def test_no_other_spelling_of_a_registry_escapes_its_rule() -> None:
    rules = policy("ghcr.io/acme/**", default="warn")
    for spelling in ("ghcr.io/acme/app", "GHCR.IO/acme/app", "ghcr.io:443/acme/app"):
        assert rules.rule_for(spelling).match == "ghcr.io/acme/**"


def test_without_a_rule_the_default_applies_and_nobody_is_named() -> None:
    assert policy("ghcr.io/acme/**").rule_for("quay.io/a/b") == Rule("quay.io/a/b", is_default=True)
    assert policy(default="warn").rule_for("quay.io/a/b").unsigned == "warn"
    assert TrustPolicy().rule_for("quay.io/a/b").unsigned == "reject"


def test_of_keys_wants_any_one_of_them_everywhere(app: App) -> None:
    keys = {"b.pub": app.acme.public, "a.pub": app.stranger.public}
    rule = TrustPolicy.of_keys(keys).rule_for("dir:./anywhere")
    assert [signer.name for signer in rule.signers] == ["a.pub", "b.pub"]
    assert (rule.threshold, rule.unsigned, rule.is_default) == (1, "reject", False)


def test_of_keys_counts_a_key_of_two_names_once(app: App) -> None:
    rule = TrustPolicy.of_keys({"b.pub": app.acme.public, "a.pub": app.acme.public}).rule_for("x/y")
    assert [signer.name for signer in rule.signers] == ["a.pub"]
