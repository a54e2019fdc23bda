"""Keyless bundles with one thing wrong: never an error of ours, and never another signer or another statement."""

from __future__ import annotations

import base64
import copy
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.unit.trust.conftest import App
from wpkg.trust.identity import Identity
from wpkg.trust.policy import Rule, Signer
from wpkg.trust.verification import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]

NUMBERS = [
    "-1",
    "0",
    "1",
    "18446744073709551615",
    "99999999999999999999",
    "253402300800",
    "9223372036854775807",
    "\uff11",
    "1_0",
    " 1",
    "1e3",
]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, 0, -1, 2**64, 1.5, [], {}, "", "=", "AAAA", "\ud83d\ude00", *NUMBERS]),
    st.text(max_size=20),
    st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()),
)


@cache
def world() -> tuple[App, Rule, dict[int, dict[str, Any]]]:
    """An artifact, who has to sign it, and two good bundles."""
    app, sigstore = App.publish(), Sigstore()
    rule = Rule("**", (Signer("release", Identity(ISSUER, WORKFLOW, None, sigstore.trusted_root())),))
    return app, rule, {version: sigstore.sign(app.statement.encode(), version=version) for version in (1, 2)}


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every member of a document, itself left out."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from paths(member, (*path, key))


def changed(document: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(document)
    where: Any = result
    for step in path[:-1]:
        where = where[step]
    where[path[-1]] = value
    return result


def check(bundle: dict[str, Any]) -> None:
    app, rule, _ = world()
    found = app.verify(app.attach(json.dumps(bundle).encode()), rule=rule)
    (finding,) = found.findings
    if found.state is State.VERIFIED:
        assert [signer.hint for signer in found.signers] == [f"{ISSUER} {WORKFLOW}"]
        assert base64.b64decode(bundle["dsseEnvelope"]["payload"]) == app.statement.encode()
    else:
        assert finding.outcome in (Outcome.UNUSABLE, Outcome.UNKNOWN_SIGNER)
        assert finding.reason.isprintable()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([1, 2]))
def test_a_member_is_something_else(data: st.DataObject, version: int) -> None:
    document = world()[2][version]
    path = data.draw(st.sampled_from(sorted(paths(document), key=str)))
    check(changed(document, path, data.draw(VALUES)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([1, 2]))
def test_bytes_in_base64_are_others(data: st.DataObject, version: int) -> None:
    document = world()[2][version]
    path = data.draw(
        st.sampled_from(sorted(filter(lambda path: is_bytes(document, path), paths(document)), key=str))
    )
    content = bytearray(base64.b64decode(at(document, path)))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    keep = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    check(changed(document, path, base64.b64encode(bytes(content[:keep])).decode()))


def at(document: dict[str, Any], path: Path) -> Any:
    value: Any = document
    for step in path:
        value = value[step]
    return value


def is_bytes(document: dict[str, Any], path: Path) -> bool:
    value = at(document, path)
    return isinstance(value, str) and len(value) > 12 and path[-1] not in ("mediaType", "payloadType", "envelope")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.integers(0, 200), st.sampled_from([1, 2]))
@example("x\n1\nAAAA\n\n\u2014 a AAAAAAAA\n", 3, 1)
def test_checkpoints_of_any_text(text: str, where: int, version: int) -> None:
    document = world()[2][version]
    path = ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "checkpoint", "envelope")
    check(changed(document, path, text))
    good = at(document, path)
    check(changed(document, path, good[:where] + text + good[where:]))
    check(changed(document, path, good[:where] + good[where + 1 :]))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_trusted_roots_with_something_else(data: st.DataObject) -> None:
    app, rule, bundles = world()
    identity = rule.signers[0].key
    assert isinstance(identity, Identity)
    root = json.loads(identity.trusted_root)
    path = data.draw(st.sampled_from(sorted(paths(root), key=str)))
    changed_root = json.dumps(changed(root, path, data.draw(VALUES))).encode()
    rule = Rule("**", (Signer("release", Identity(ISSUER, WORKFLOW, None, changed_root)),))
    for bundle in bundles.values():
        (finding,) = app.verify(app.attach(json.dumps(bundle).encode()), rule=rule).findings
        assert finding.outcome in (Outcome.UNUSABLE, Outcome.SIGNATURE)
