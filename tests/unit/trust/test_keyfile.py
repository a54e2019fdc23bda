from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trust.conftest import DATA, stream
from wpkg.errors import InvalidInput
from wpkg.trust.canonical_base64 import encode_base64
from wpkg.trust.keyfile import (
    WrongPassword,
    _derive_key,
    _read_parameters,
    is_encrypted_key,
    read_key_file,
    write_key_file,
)
from wpkg.trust.keys import InvalidKey, PublicKey
from wpkg.trust.pem import PemBlock, read_pem
from wpkg.trust.secretbox import seal_box

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.trust.conftest import App

SIGSTORE = "ENCRYPTED SIGSTORE PRIVATE KEY"
BODY = read_pem((DATA / "cosign-v3.1.2.key").read_bytes()).body


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(BODY)
    change(document)
    return json.dumps(document).encode()


def sealed(plaintext: bytes, n: int = 32768) -> bytes:
    salt, nonce = bytes(32), bytes(24)
    body = {
        "kdf": {"name": "scrypt", "params": {"N": n, "r": 8, "p": 1}, "salt": encode_base64(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": encode_base64(nonce)},
        "ciphertext": encode_base64(seal_box(_derive_key(b"pw", salt, (n, 8, 1)), nonce, plaintext)),
    }
    return PemBlock(SIGSTORE, json.dumps(body).encode()).encode()


@pytest.mark.parametrize("version", ["v3.1.2", "v2.6.4"])
def test_opens_a_key_that_cosign_generated(version: str, data: Path) -> None:
    text = (data / f"cosign-{version}.key").read_bytes()
    assert is_encrypted_key(text)
    key = read_key_file(text, b"pw")
    assert key.public == PublicKey.from_pem((data / f"cosign-{version}.pub").read_bytes())


def test_what_was_written_opens_with_its_password_and_with_no_other(app: App) -> None:
    text = write_key_file(app.acme, b"s\xc3\xa9same", stream("salt"))
    assert text.startswith(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    assert json.loads(read_pem(text).body)["kdf"]["params"] == {"N": 65536, "r": 8, "p": 1}
    assert read_key_file(text, b"s\xc3\xa9same") == app.acme

    with pytest.raises(WrongPassword) as caught:
        read_key_file(text, b"sesame")
    assert str(caught.value) == "the password does not open the key file"
    assert caught.value.hint == ("put the password of this key into WPKG_KEY_PASSWORD or COSIGN_PASSWORD")
    assert caught.value.exit_code == 2


def test_opens_the_old_label_with_an_empty_password(app: App) -> None:
    text = write_key_file(app.acme, b"", stream("salt")).replace(b"SIGSTORE", b"COSIGN")
    assert is_encrypted_key(text)
    assert read_key_file(text, b"") == app.acme


def test_a_box_that_opens_on_something_other_than_a_key_is_refused(app: App) -> None:
    assert read_key_file(sealed(app.acme.to_pkcs8_der()), b"pw") == app.acme
    with pytest.raises(InvalidKey, match="not a private key"):
        read_key_file(sealed(b"not a key"), b"pw")


def test_a_public_key_file_is_not_opened(app: App) -> None:
    assert not is_encrypted_key(app.acme.public.pem)
    with pytest.raises(InvalidKey, match="'PUBLIC KEY', not an encrypted private key"):
        read_key_file(app.acme.public.pem, b"pw")


def test_a_source_that_runs_dry_is_a_programming_error(app: App) -> None:
    with pytest.raises(RuntimeError):
        write_key_file(app.acme, b"", lambda _: b"short")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(changed(lambda d: d["kdf"]["params"].update(N=1 << 30)), id="a gigantic N"),
        pytest.param(changed(lambda d: d["kdf"]["params"].update(N=16384)), id="a cheap N"),
        pytest.param(changed(lambda d: d["kdf"]["params"].update(r=1 << 20)), id="a gigantic r"),
        pytest.param(changed(lambda d: d["kdf"]["params"].update(p=2)), id="another p"),
        pytest.param(changed(lambda d: d["kdf"]["params"].update(N=65536.0)), id="a fraction for N"),
        pytest.param(changed(lambda d: d["kdf"]["params"].update(p=True)), id="true for p"),
        pytest.param(changed(lambda d: d["kdf"].update(name="pbkdf2")), id="another kdf"),
        pytest.param(changed(lambda d: d["cipher"].update(name="none")), id="another cipher"),
        pytest.param(changed(lambda d: d["kdf"].update(salt="AAAA")), id="a short salt"),
        pytest.param(changed(lambda d: d["cipher"].update(nonce="AAAA")), id="a short nonce"),
        pytest.param(changed(lambda d: d.update(ciphertext=encode_base64(bytes(16)))), id="an empty box"),
        pytest.param(changed(lambda d: d.update(ciphertext=d["ciphertext"] + "\n")), id="lax base64"),
        pytest.param(changed(lambda d: d.update(version=2)), id="an unknown member"),
        pytest.param(changed(lambda d: d["kdf"].update(x=1)), id="an unknown member of kdf"),
        pytest.param(changed(lambda d: d["kdf"]["params"].update(x=1)), id="an unknown member of params"),
        pytest.param(changed(lambda d: d["cipher"].update(x=1)), id="an unknown member of cipher"),
        pytest.param(changed(lambda d: d.pop("kdf")), id="no kdf"),
        pytest.param(BODY.replace(b'"p":1', b'"p":1,"p":1'), id="a member twice"),
        pytest.param(BODY + b"{}", id="trailing data"),
    ],
)
def test_refuses_before_scrypt_runs_a_file_with(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("hashlib.scrypt")
    with pytest.raises(InvalidKey):
        read_key_file(PemBlock(SIGSTORE, body).encode(), b"pw")


def test_refuses_a_body_cut_anywhere() -> None:
    _read_parameters(BODY)
    for length in range(len(BODY)):
        with pytest.raises(InvalidInput):
            _read_parameters(BODY[:length])


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_body_is_read_or_refused(position: int, change: int) -> None:
    body = bytearray(BODY)
    body[position] ^= change
    try:
        _read_parameters(bytes(body))
    except InvalidInput:
        return
