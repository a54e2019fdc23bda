"""Keys on disk: made, imported, given another password; where passwords come from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Never

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes.world import Notes, fake_world
from wpkg.errors import InvalidInput
from wpkg.trust.keyfile import WrongPassword, read_key_file
from wpkg.workflow.keys import Passwords, change_password, generate_key, import_key, load_key

if TYPE_CHECKING:
    from pathlib import Path


def nobody(question: str) -> Never:
    raise AssertionError(question)


def lines(*texts: str) -> int:
    """An open file that has these lines to be read."""
    reader, writer = os.pipe()
    os.write(writer, "".join(f"{text}\n" for text in texts).encode())
    os.close(writer)
    return reader


def test_a_password_from_a_file_descriptor_goes_before_the_environment(tmp_path: Path) -> None:
    world = fake_world(tmp_path, environment={"WPKG_KEY_PASSWORD": "another"})
    reader = lines("one", "two")
    pair = generate_key(world, tmp_path / "k", Passwords(nobody, reader))
    os.close(reader)
    data = pair.private.read_bytes()
    assert read_key_file(data, b"one").public.hint == pair.hint
    with pytest.raises(WrongPassword):
        read_key_file(data, b"another")


def test_a_new_password_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    world = fake_world(tmp_path, environment={"COSIGN_PASSWORD": "old"})
    pair = generate_key(world, tmp_path / "k", Passwords(nobody))
    reader = lines("old", "new")
    public = change_password(world, pair.private, Passwords(nobody, reader, reader))
    os.close(reader)
    assert public.hint == pair.hint
    assert pair.private.stat().st_mode & 0o777 == 0o600
    assert read_key_file(pair.private.read_bytes(), b"new").public == public
    with pytest.raises(WrongPassword):
        load_key(world, pair.private, Passwords(nobody))


def test_a_wrong_old_password_leaves_the_key_as_it_is(tmp_path: Path) -> None:
    pair = generate_key(
        fake_world(tmp_path, environment={"COSIGN_PASSWORD": "old"}), tmp_path / "k", Passwords(nobody)
    )
    before = pair.private.read_bytes()
    wrong = fake_world(tmp_path, environment={"COSIGN_PASSWORD": "no", "WPKG_NEW_KEY_PASSWORD": "new"})
    with pytest.raises(WrongPassword):
        change_password(wrong, pair.private, Passwords(nobody))
    assert pair.private.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "form"),
    [
        (ec.generate_private_key(ec.SECP256R1()), PrivateFormat.PKCS8),
        (ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL),
        (rsa.generate_private_key(65537, 2048), PrivateFormat.TraditionalOpenSSL),
        (ed25519.Ed25519PrivateKey.generate(), PrivateFormat.PKCS8),
    ],
    ids=["pkcs8", "sec1", "pkcs1", "ed25519"],
)
def test_plain_keys_are_imported(
    tmp_path: Path,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    form: PrivateFormat,
) -> None:
    plain = tmp_path / "plain.pem"
    plain.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    notes = Notes()
    world = fake_world(tmp_path, environment={"WPKG_KEY_PASSWORD": "pw"}, notes=notes)
    pair = import_key(world, plain, tmp_path / "k", Passwords(nobody))
    loaded = load_key(world, pair.private, Passwords(nobody))
    assert notes.warnings == []
    assert loaded.public.pem == pair.public.read_bytes()
    assert loaded.public.verifies(loaded.sign(b"message"), b"message")
    assert not loaded.public.verifies(loaded.sign(b"message"), b"massage")
    with pytest.raises(InvalidInput, match="exists already"):
        import_key(world, plain, tmp_path / "k", Passwords(nobody))


def test_other_curves_are_not_imported(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    plain = tmp_path / "plain.pem"
    plain.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(InvalidInput, match="plain.pem: the key is ECDSA on secp384r1"):
        import_key(fake_world(tmp_path), plain, tmp_path / "k", Passwords(nobody))
    assert not (tmp_path / "k.key").exists()


@pytest.mark.parametrize(("mode", "also"), [(0o600, False), (0o644, True)])
def test_a_plain_key_is_used_with_a_warning(tmp_path: Path, *, mode: int, also: bool) -> None:
    plain = tmp_path / "plain.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    plain.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    plain.chmod(mode)
    notes = Notes()
    load_key(fake_world(tmp_path, notes=notes), plain, Passwords(nobody))
    (warning,) = notes.warnings
    assert ("others may read it" in warning) is also


def test_a_descriptor_that_is_not_open_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no password can be read from file descriptor 991"):
        generate_key(fake_world(tmp_path), tmp_path / "k", Passwords(nobody, 991))
    assert not (tmp_path / "k.key").exists()


def test_two_different_answers_are_no_password(tmp_path: Path) -> None:
    answers = iter(["one", "two"])
    with pytest.raises(InvalidInput, match="the two passwords differ"):
        generate_key(fake_world(tmp_path), tmp_path / "k", Passwords(lambda _: next(answers)))
