from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wpkg.trust.pem import MAX_PEM_SIZE, InvalidKey, PemBlock, read_pem

PEM = PemBlock("PUBLIC KEY", bytes(range(100))).encode()


@given(st.binary(max_size=200))
def test_what_was_written_is_read(body: bytes) -> None:
    assert read_pem(PemBlock("PRIVATE KEY", body).encode()) == PemBlock("PRIVATE KEY", body)


def test_lines_have_64_columns() -> None:
    lines = PEM.decode().splitlines()
    assert lines[0] == "-----BEGIN PUBLIC KEY-----"
    assert [len(line) for line in lines[1:-1]] == [64, 64, 8]
    assert PEM.endswith(b"-----END PUBLIC KEY-----\n")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"# the key of acme, 2026\n" + PEM, id="after an explanation"),
        pytest.param(PEM + b"\n\nsee the wiki\n", id="before an explanation"),
        pytest.param(PEM.replace(b"\n", b"\r\n"), id="with the line ends of Windows"),
        pytest.param(PEM.rstrip(), id="without the last line end"),
    ],
)
def test_reads_a_block(data: bytes) -> None:
    assert read_pem(data).body == bytes(range(100))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "0 PEM blocks", id="nothing"),
        pytest.param(PEM + PEM, "2 PEM blocks", id="two keys"),
        pytest.param(PEM.replace(b"END PUBLIC", b"END PRIVATE"), "malformed", id="two labels"),
        pytest.param(PEM.replace(b"KEY-----\nAA", b"KEY-----\n=A"), "base64", id="padding inside"),
        pytest.param(PEM.replace(b"\nAA", b"\nProc-Type: 4,ENCRYPTED\n\nAA"), "malformed", id="headers"),
        pytest.param(PEM + b" " * MAX_PEM_SIZE, "over the limit", id="too many bytes"),
    ],
)
def test_refuses(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidKey, match=reason):
        read_pem(data)


def test_refuses_a_block_cut_anywhere_before_its_end() -> None:
    for length in range(len(PEM) - 1):  # the last byte is the line end
        with pytest.raises(InvalidKey):
            read_pem(PEM[:length])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for candidate in (data, b"-----BEGIN A-----\n" + data + b"\n-----END A-----"):
        try:
            read_pem(candidate)
        except InvalidKey:
            continue
