"""How old what is trusted may be, by what its provenance says."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from wpkg.trust.policy import RequiredPredicate, Rule, Signer
from wpkg.trust.statement import SLSA_PROVENANCE, provenance_statement
from wpkg.trust.verification import State

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App
    from wpkg.trust.keys import PrivateKey
    from wpkg.trust.verification import Verification

TODAY = date(2026, 11, 27)


def finished(text: object) -> dict[str, Any]:
    return {"runDetails": {"metadata": {"finishedOn": text}}}


def verified(
    app: App, *predicates: dict[str, Any], by: PrivateKey | None = None, rule: Rule | None = None
) -> Verification:
    attestations = [app.signature(by, provenance_statement(app.published, item)) for item in predicates]
    wanted = rule or app.rule(max_age=30)
    return app.verify(app.signature(), *attestations, rule=wanted, expected=replace(app.expected, today=TODAY))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27T08:00:00Z",
        "2026-10-28T00:00:00Z",
        "2026-11-28T23:00:00Z",  # a clock that is ahead
        "2026-10-27T23:30:00-01:00",  # the 28th by UTC
        "2026-11-01T10:00:00.123456Z",
    ],
)
def test_young_enough(app: App, text: str) -> None:
    assert verified(app, finished(text)).state is State.VERIFIED


@pytest.mark.parametrize(
    ("predicate", "reason"),
    [
        (
            finished("2026-10-27T23:59:59Z"),
            "its provenance says that it was made on 2026-10-27, more than 30 days ago",
        ),
        (finished("2026-10-28T00:30:00+01:00"), "was made on 2026-10-27, more than 30 days ago"),
        (finished("2026-11-29T00:00:00Z"), "was made on 2026-11-29, which has not come yet"),
        (finished("2026-11-27T08:00:00"), "was made on '2026-11-27T08:00:00', which is no time"),
        (finished("yesterday\x1b[2J"), r"was made on 'yesterday\x1b[2J', which is no time"),
        (finished("9" * 5000), "which is no time"),
        (finished(1), "its provenance does not say when it was made (finishedOn), by which max-age goes"),
        (finished(None), "does not say when it was made"),
        ({"runDetails": {"metadata": []}}, "does not say when it was made"),
        ({"runDetails": 1}, "does not say when it was made"),
        ({}, "does not say when it was made"),
    ],
)
def test_too_old_or_of_no_known_age(app: App, predicate: dict[str, Any], reason: str) -> None:
    found = verified(app, predicate)
    assert found.state is State.FAILED
    (unmet,) = found.unmet
    assert reason in unmet
    assert unmet in str(found.error_for("acme:app"))


def test_without_provenance(app: App) -> None:
    found = verified(app)
    assert found.unmet == ("max-age goes by provenance, and nobody whom the rule names has attested any",)


def test_a_stranger_makes_nothing_young(app: App) -> None:
    assert verified(app, finished("2026-11-27T08:00:00Z"), by=app.stranger).state is State.FAILED


def test_who_attests_something_else_makes_nothing_young(app: App) -> None:
    """The rule names the stranger for reviews; what it says about age does not count."""
    stranger = Signer("stranger", app.stranger.public)
    for kind, state in (("https://example.com/review", State.FAILED), (SLSA_PROVENANCE, State.VERIFIED)):
        rule = app.rule(max_age=30, required=(RequiredPredicate(kind, (stranger,)),))
        found = verified(app, finished("2026-11-27T08:00:00Z"), by=app.stranger, rule=rule)
        assert any("max-age" in unmet for unmet in found.unmet) is (state is State.FAILED)
        assert found.state is state


def test_one_that_is_young_enough_among_others(app: App) -> None:
    assert (
        verified(app, finished("2020-01-01T00:00:00Z"), finished("2026-11-27T08:00:00Z")).state is State.VERIFIED
    )


def test_what_is_locked_may_be_of_any_age(app: App) -> None:
    found = app.verify(app.signature(), rule=app.rule(max_age=30), expected=replace(app.expected, today=None))
    assert found.state is State.VERIFIED
