from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64, encode_base64


@given(st.binary(max_size=100))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("YQ", id="without padding"),
        pytest.param("YR==", id="with left-over bits"),
        pytest.param("YQ===", id="with too much padding"),
        pytest.param("Y Q==", id="with a space"),
        pytest.param("YQ==\n", id="with a line break"),
        pytest.param("_-8=", id="in the URL alphabet"),
        pytest.param("YQ==YQ==", id="twice"),
        pytest.param("é===", id="outside ASCII"),
        pytest.param("=", id="of padding only"),
    ],
)
def test_refuses_base64(text: str) -> None:
    with pytest.raises(InvalidBase64):
        decode_base64(text)


@given(st.text(max_size=20))
def test_any_text_is_decoded_or_refused_and_has_one_spelling(text: str) -> None:
    try:
        data = decode_base64(text)
    except InvalidBase64:
        return
    assert encode_base64(data) == text
