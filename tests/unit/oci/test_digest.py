from __future__ import annotations

import hashlib

import pytest

from wpkg.oci.digest import ContentMismatch, Digest, InvalidDigest, Verifier, check_content

DATA = b"wasm-pay"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "g" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "a" * 64 + "\n",
        "sha256:../../" + "a" * 58,
        "md5:" + "a" * 32,
        "sha512:" + "a" * 64,
        "a" * 64,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse(text)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_digest_of_bytes(algorithm: str) -> None:
    digest = Digest.of(DATA, algorithm)
    assert digest.encoded == hashlib.new(algorithm, DATA).hexdigest()
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize("cut", range(len(DATA) + 1))
def test_content_is_verified_in_any_pieces(cut: int) -> None:
    verifier = Verifier(Digest.of(DATA), len(DATA), "it")
    verifier.update(DATA[:cut])
    verifier.update(DATA[cut:])
    verifier.finish()
    assert verifier.seen == len(DATA)


@pytest.mark.parametrize(
    ("data", "size", "said"),
    [
        (DATA[:-1], len(DATA), "has 7 bytes, its descriptor says 8"),
        (DATA + b"!", len(DATA), "longer than the 8 bytes"),
        (b"wasm-paY", len(DATA), "does not match its digest"),
        (DATA, len(DATA) - 1, "longer than the 7 bytes"),
    ],
)
def test_other_content_is_refused(data: bytes, size: int, said: str) -> None:
    with pytest.raises(ContentMismatch, match=said):
        check_content(data, Digest.of(DATA), size, "it")
