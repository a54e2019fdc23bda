"""The numbers are those of D. J. Bernstein, "Cryptography in NaCl" (2009), sections 8 to 10."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.trust.secretbox import hsalsa20, open_box, seal_box, xsalsa20_stream

SHARED = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
FIRST_KEY = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
NONCE = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
SECOND_KEY = bytes.fromhex("dc908dda0b9344a953629b733820778880f3ceb421bb61b91cbd4c3e66256ce4")
ONE_TIME_KEY = bytes.fromhex("eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880")
MESSAGE = bytes.fromhex(
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc"
    "e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31"
    "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
    "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864"
    "5e0705"
)
BOX = bytes.fromhex(
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce"
    "48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972"
    "71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae"
    "90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3"
    "7973f622a43d14a6599b1f654cb45a74e355a5"
)


def test_hsalsa20_derives_the_first_key_from_the_shared_secret() -> None:
    assert hsalsa20(SHARED, bytes(16)) == FIRST_KEY


def test_hsalsa20_derives_the_second_key_from_the_nonce() -> None:
    assert hsalsa20(FIRST_KEY, NONCE[:16]) == SECOND_KEY


def test_the_key_stream_starts_with_the_one_time_key() -> None:
    assert xsalsa20_stream(FIRST_KEY, NONCE, 32) == ONE_TIME_KEY


def test_a_longer_key_stream_starts_with_the_shorter_one() -> None:
    stream = xsalsa20_stream(FIRST_KEY, NONCE, 200)
    assert [xsalsa20_stream(FIRST_KEY, NONCE, n) for n in range(200)] == [stream[:n] for n in range(200)]
    assert len({stream[:64], stream[64:128], stream[128:192]}) == 3


def test_seals_the_box_of_the_paper() -> None:
    assert seal_box(FIRST_KEY, NONCE, MESSAGE) == BOX


def test_opens_the_box_of_the_paper() -> None:
    assert open_box(FIRST_KEY, NONCE, BOX) == MESSAGE


def test_a_box_changed_anywhere_does_not_open() -> None:
    for position in range(len(BOX)):
        changed = bytearray(BOX)
        changed[position] ^= 0x80
        assert open_box(FIRST_KEY, NONCE, bytes(changed)) is None


def test_a_box_cut_anywhere_does_not_open() -> None:
    for length in range(len(BOX)):
        assert open_box(FIRST_KEY, NONCE, BOX[:length]) is None
    assert open_box(FIRST_KEY, NONCE, BOX + b"\0") is None


def test_another_key_or_nonce_does_not_open_a_box() -> None:
    assert open_box(SECOND_KEY, NONCE, BOX) is None
    assert open_box(FIRST_KEY, NONCE[::-1], BOX) is None


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=24, max_size=24), st.binary(max_size=300))
def test_what_was_sealed_opens(key: bytes, nonce: bytes, message: bytes) -> None:
    box = seal_box(key, nonce, message)
    assert len(box) == 16 + len(message)
    assert open_box(key, nonce, box) == message


def test_a_key_or_nonce_of_another_length_is_a_programming_error() -> None:
    for key, nonce in ((FIRST_KEY[1:], NONCE), (FIRST_KEY, NONCE[1:])):
        with pytest.raises(RuntimeError):
            seal_box(key, nonce, b"")
        with pytest.raises(RuntimeError):
            open_box(key, nonce, BOX)
