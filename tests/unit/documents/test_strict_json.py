from __future__ import annotations

import pytest

from wpkg.documents.strict_json import InvalidJson, Members, dump_json, load_json, load_object


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{} {}",
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"a":1}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":["\\uDC00"]}',
        b'{"\\udfff":1}',
        b'{"a":123456789012345678901}',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
    ],
)
def test_json_with_two_meanings_or_none_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        load_json(data)


def test_writing_keeps_order_and_wastes_no_byte() -> None:
    data = dump_json({"b": 1, "a": ["ü", None]})
    assert data == '{"b":1,"a":["ü",null]}'.encode()
    assert load_object(data) == {"b": 1, "a": ["ü", None]}


@pytest.mark.parametrize(
    ("document", "read", "said"),
    [
        ({}, lambda m: m.text("a"), "a is missing"),
        ({"a": 1}, lambda m: m.text("a"), "a is not a string"),
        ({"a": True}, lambda m: m.size("a"), "a is not an integer"),
        ({"a": -1}, lambda m: m.size("a"), "a is negative"),
        ({"a": [{}, 1]}, lambda m: m.objects("a"), r"a\[1\] is not an object"),
        ({"a": {"b": 1}}, lambda m: m.object("a").text("b"), "a.b is not a string"),
        ({"a": {"b": 1}}, lambda m: m.text_map("a"), "a is not an object of strings"),
        ({"a": ["x", 1]}, lambda m: m.texts("a"), "a is not an array of strings"),
    ],
)
def test_mistakes_name_their_place(document: object, read: object, said: str) -> None:
    with pytest.raises(InvalidJson, match=said):
        read(Members(document))  # type: ignore[operator]
