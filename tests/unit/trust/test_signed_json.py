from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.documents.strict_json import InvalidJson, dump_json
from wpkg.trust.signed_json import load_signed_json, refuse_unknown_members

ENOUGH = 1 << 20


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a":1,"a":1}', id="a member twice"),
        pytest.param(b'{"a":{"b":1,"b":2}}', id="a nested member twice"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":1e999}', id="a number beyond the range of a double"),
        pytest.param(b'{"a":' + b"9" * 40 + b"}", id="an integer of forty digits"),
        pytest.param(rb'{"a":"\ud800"}', id="half a surrogate pair as a value"),
        pytest.param(rb'{"\udfff":1}', id="half a surrogate pair as a name"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(b'{"a":"\xff"}', id="no UTF-8"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b"{}x", id="trailing data"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="endless nesting"),
    ],
)
def test_refuses_a_document_with(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        load_signed_json(data, ENOUGH)


def test_refuses_a_document_over_its_limit_before_parsing_it() -> None:
    assert load_signed_json(b"{}", 2) == {}
    with pytest.raises(InvalidJson, match="3 bytes, over the limit of 2"):
        load_signed_json(b"{]x", 2)


@given(st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_is_read_can_be_written(data: bytes) -> None:
    try:
        members = load_signed_json(data, ENOUGH)
    except InvalidJson:
        return
    assert load_signed_json(dump_json(members), ENOUGH) == members


def test_names_the_unknown_member_without_its_control_characters() -> None:
    refuse_unknown_members({"a": 1}, "key", {"a", "b"})
    refuse_unknown_members(["not an object"], "key", {"a"})
    with pytest.raises(InvalidJson) as caught:
        refuse_unknown_members({"a": 1, "\x1b[31m": 2}, "key", {"a"})
    assert str(caught.value) == r"key has the unknown member '\x1b[31m'"
