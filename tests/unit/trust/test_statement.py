from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.oci.digest import Digest
from wpkg.trust.statement import (
    MAX_DIGESTS,
    MAX_SUBJECTS,
    SLSA_PROVENANCE,
    InvalidStatement,
    Statement,
    Subject,
    provenance_statement,
    signature_statement,
)

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App

HEX = "ab" * 32
GOOD: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"digest": {"sha256": HEX}}],
    "predicateType": "https://sigstore.dev/cosign/sign/v1",
    "predicate": {},
}

json_text = st.text(st.characters(codec="utf-8"), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | json_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_text, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(json_text, json_values, max_size=3)


# hypothesis would read the classes' annotations, whose types are imported for type checkers only.
def make_subject(**fields: Any) -> Subject:
    return Subject(**fields)


def make_statement(**fields: Any) -> Statement:
    return Statement(**fields)


subjects = st.builds(
    make_subject,
    digests=st.dictionaries(json_text, st.binary(min_size=1, max_size=8).map(bytes.hex), max_size=3),
    name=st.none() | json_text,
    annotations=json_objects,
)
statements = st.builds(
    make_statement,
    subjects=st.lists(subjects, min_size=1, max_size=3).map(tuple),
    predicate_type=json_text.filter(bool),
    predicate=json_objects,
)


def read(**changes: Any) -> Statement:
    return Statement.read(json.dumps(GOOD | changes).encode())


@given(statements)
def test_what_was_written_is_read(statement: Statement) -> None:
    assert Statement.read(statement.encode()) == statement


def test_a_signature_names_the_manifest_with_package_and_version_then_the_component(app: App) -> None:
    assert json.loads(signature_statement(app.published).encode()) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": "ghcr.io/acme/app",
                "digest": {"sha256": app.subject.digest.encoded},
                "annotations": {
                    "dev.wpkg.kind": "composed",
                    "dev.wpkg.package": "acme:app",
                    "dev.wpkg.version": "1.4.0",
                },
            },
            {"name": "app.wasm", "digest": {"sha256": app.layer.digest.encoded}},
        ],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    }


def test_a_provenance_statement_is_about_the_same_subjects(app: App) -> None:
    statement = provenance_statement(app.published, {"a": 1})
    assert statement == Statement(signature_statement(app.published).subjects, SLSA_PROVENANCE, {"a": 1})


def test_equal_statements_have_equal_bytes() -> None:
    one = Statement((Subject({"b": "00", "a": "11"}, annotations={"y": 1, "x": 2}),), "p")
    other = Statement((Subject({"a": "11", "b": "00"}, annotations={"x": 2, "y": 1}),), "p")
    assert one.encode() == other.encode()


def test_reads_version_0_1() -> None:
    assert read(_type="https://in-toto.io/Statement/v0.1") == read()


@pytest.mark.parametrize("predicate", [None, {}])
def test_reads_a_signature_without_predicate(predicate: dict[str, Any] | None) -> None:
    assert read(predicate=predicate).predicate == {}
    assert Statement.read(json.dumps({k: v for k, v in GOOD.items() if k != "predicate"}).encode()) == read()


def test_leaves_unknown_members_alone() -> None:
    subject = {"digest": {"sha256": HEX}, "uri": "pkg:x", "later": 1}
    assert read(subject=[subject], later=[1]).subjects == (Subject({"sha256": HEX}),)


def test_a_subject_is_found_by_its_digest() -> None:
    assert Subject({"sha256": HEX}).is_of(Digest("sha256", HEX))
    assert Subject({"sha256": HEX.upper()}).is_of(Digest("sha256", HEX))
    assert not Subject({"sha256": "cd" * 32}).is_of(Digest("sha256", HEX))
    assert not Subject({"sha512": HEX}).is_of(Digest("sha256", HEX))
    assert not Subject({}).is_of(Digest("sha256", HEX))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"_type": "https://in-toto.io/Statement/v2"}, id="an unknown version"),
        pytest.param({"_type": None}, id="no version"),
        pytest.param({"subject": []}, id="no subject"),
        pytest.param({"subject": None}, id="null for subjects"),
        pytest.param({"subject": [None]}, id="a null subject"),
        pytest.param({"subject": [{"digest": {"sha256": HEX}}, None]}, id="a null subject after a good one"),
        pytest.param({"subject": [{"digest": {"sha256": "xyz"}}]}, id="a digest that is not hexadecimal"),
        pytest.param({"subject": [{"digest": {"sha256": "abc"}}]}, id="a digest of half a byte"),
        pytest.param({"subject": [{"digest": {"sha256": ""}}]}, id="an empty digest"),
        pytest.param({"subject": [{"digest": {"sha256": HEX + "\n"}}]}, id="a digest with a line break"),
        pytest.param({"subject": [{"digest": {"sha256": 7}}]}, id="a number for a digest"),
        pytest.param(
            {"subject": [{"digest": {"sha256": HEX, "md5": "zz"}}]}, id="a second digest that is not hex"
        ),
        pytest.param({"subject": [{"digest": {"sha256": HEX}, "name": 7}]}, id="a number for a name"),
        pytest.param({"subject": [{"digest": {"sha256": HEX}, "annotations": []}]}, id="a list of annotations"),
        pytest.param({"predicateType": None}, id="no predicate type"),
        pytest.param({"predicateType": ""}, id="an empty predicate type"),
        pytest.param({"predicate": []}, id="a list for a predicate"),
        pytest.param({"predicate": "x"}, id="a text for a predicate"),
    ],
)
def test_refuses_a_statement_with(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatement):
        read(**change)


def test_refuses_more_subjects_and_digests_than_the_peers_read() -> None:
    subject = {"digest": {f"x{i}": "00" for i in range(MAX_DIGESTS)}}
    assert len(read(subject=[subject] * MAX_SUBJECTS).subjects) == MAX_SUBJECTS
    with pytest.raises(InvalidStatement, match="1025 subjects"):
        read(subject=[subject] * (MAX_SUBJECTS + 1))
    with pytest.raises(InvalidStatement, match="33 digests, over the limit of 32"):
        read(subject=[{"digest": {f"x{i}": "00" for i in range(MAX_DIGESTS + 1)}}])


def test_refuses_a_statement_cut_anywhere(app: App) -> None:
    data = signature_statement(app.published).encode()
    for length in range(len(data)):
        with pytest.raises(InvalidStatement):
            Statement.read(data[:length])
    with pytest.raises(InvalidStatement):
        Statement.read(data + b"\0")


@given(st.binary(max_size=80) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(InvalidStatement):
        Statement.read(data)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), json_values))
def test_any_members_are_refused_or_read(members: dict[str, Any]) -> None:
    try:
        statement = read(**members)
    except InvalidStatement:
        return
    assert Statement.read(statement.encode()) == statement
