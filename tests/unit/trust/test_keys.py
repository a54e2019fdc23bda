from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from wpkg.trust.algorithms import P256_ORDER, Algorithm
from wpkg.trust.keys import InvalidKey, PrivateKey, PublicKey
from wpkg.trust.pem import PemBlock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.trust.conftest import App

# RFC 6979, appendix A.2.5: ECDSA on P-256 with SHA-256.
RFC6979_SECRET = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC6979_SIGNATURES = {
    b"sample": (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    b"test": (
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
}
# RFC 8032, section 7.1, test 2.
ED25519_SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
ED25519_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
ED25519_PKCS8_PREFIX = bytes.fromhex("302e020100300506032b657004220420")


def spki(key: Any) -> bytes:
    public = key.public_key() if hasattr(key, "public_key") else key
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def rsa_public(bits: int) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 1).public_key()


def der_integer(value: int) -> bytes:
    body = value.to_bytes(value.bit_length() // 8 + 1)
    return bytes([2, len(body)]) + body


class TestGenerating:
    def test_the_same_randomness_gives_the_same_key(self) -> None:
        assert PrivateKey.generate(bytes) == PrivateKey.generate(bytes)
        assert PrivateKey.generate(bytes) != PrivateKey.generate(lambda size: b"\1" * size)

    @pytest.mark.parametrize("seed", [0, P256_ORDER - 2, P256_ORDER - 1, P256_ORDER, 2**320 - 1])
    def test_every_randomness_gives_a_valid_key(self, seed: int) -> None:
        key = PrivateKey.generate(seed.to_bytes)
        assert key.public.algorithm is Algorithm.ECDSA_P256
        assert key.public.verifies(key.sign(b"x"), b"x")

    def test_a_source_that_runs_dry_is_a_programming_error(self) -> None:
        with pytest.raises(RuntimeError, match="3 bytes of 40"):
            PrivateKey.generate(lambda _: b"abc")

    def test_no_secret_is_shown(self, app: App) -> None:
        assert app.acme.pkcs8.hex() not in repr(app.acme)
        assert "pkcs8" not in repr(app.acme)


class TestSigning:
    @pytest.mark.parametrize("message", sorted(RFC6979_SIGNATURES))
    def test_ecdsa_signs_as_in_rfc_6979(self, message: bytes) -> None:
        key = PrivateKey.generate((RFC6979_SECRET - 1).to_bytes)
        body = b"".join(der_integer(value) for value in RFC6979_SIGNATURES[message])
        assert key.sign(message) == bytes([0x30, len(body)]) + body

    def test_ed25519_signs_the_message_itself_as_in_rfc_8032(self) -> None:
        key = PrivateKey.from_pkcs8_der(ED25519_PKCS8_PREFIX + ED25519_SECRET)
        assert key.public.algorithm is Algorithm.ED25519
        assert key.sign(b"\x72") == ED25519_SIGNATURE
        assert key.public.verifies(ED25519_SIGNATURE, b"\x72")

    def test_rsa_signs_the_same_each_time(self, data: Path) -> None:
        key = PrivateKey.from_plain_pem((data / "openssl-rsa-2048.pem").read_bytes())
        assert key.public == PublicKey.from_pem((data / "openssl-rsa-2048.pub").read_bytes())
        assert key.public.algorithm is Algorithm.RSA
        assert key.sign(b"x") == key.sign(b"x")
        assert key.public.verifies(key.sign(b"x"), b"x")

    def test_a_signature_holds_for_its_message_and_key_only(self, app: App) -> None:
        signature = app.acme.sign(b"message")
        assert app.acme.public.verifies(signature, b"message")
        assert not app.acme.public.verifies(signature, b"massage")
        assert not app.stranger.public.verifies(signature, b"message")

    @pytest.mark.parametrize("name", ["ecdsa", "rsa", "ed25519"])
    def test_a_malformed_signature_holds_for_nothing(self, name: str, app: App, data: Path) -> None:
        keys = {
            "ecdsa": app.acme,
            "rsa": PrivateKey.from_plain_pem((data / "openssl-rsa-2048.pem").read_bytes()),
            "ed25519": PrivateKey.from_pkcs8_der(ED25519_PKCS8_PREFIX + ED25519_SECRET),
        }
        good = keys[name].sign(b"m")
        assert keys[name].public.verifies(good, b"m")
        for bad in (b"", b"\0", good[:-1], good + b"\0", bytes(len(good)), b"\x30\x06\x02\x01\0\x02\x01\0"):
            assert not keys[name].public.verifies(bad, b"m")


class TestReadingPublicKeys:
    def test_text_and_back(self, app: App) -> None:
        assert PublicKey.from_pem(app.acme.public.pem) == app.acme.public

    @pytest.mark.parametrize(
        "name", ["cosign-v3.1.2.pub", "cosign-v2.6.4.pub", "openssl-rsa-2048.pub", "openssl-sec1-p256.pub"]
    )
    def test_writes_the_text_that_others_write(self, name: str, data: Path) -> None:
        text = (data / name).read_bytes()
        assert PublicKey.from_pem(text).pem == text

    def test_the_hint_is_the_digest_of_the_file_body(self, data: Path) -> None:
        text = (data / "cosign-v3.1.2.pub").read_bytes()
        body = base64.b64decode(b"".join(text.splitlines()[1:-1]))
        assert base64.b64decode(PublicKey.from_pem(text).hint) == hashlib.sha256(body).digest()

    @pytest.mark.parametrize(
        ("key", "kind"),
        [
            pytest.param(ec.generate_private_key(ec.SECP384R1()), "secp384r1", id="ECDSA on P-384"),
            pytest.param(ec.generate_private_key(ec.SECP521R1()), "secp521r1", id="ECDSA on P-521"),
            pytest.param(ec.generate_private_key(ec.SECP256K1()), "secp256k1", id="ECDSA on secp256k1"),
            pytest.param(rsa_public(1024), "RSA of 1024 bits", id="RSA of 1024 bits"),
            pytest.param(rsa_public(2047), "RSA of 2047 bits", id="RSA of 2047 bits"),
            pytest.param(rsa_public(4097), "RSA of 4097 bits", id="RSA of 4097 bits"),
            pytest.param(ed448.Ed448PrivateKey.generate(), "another kind", id="Ed448"),
            pytest.param(x25519.X25519PrivateKey.generate(), "another kind", id="X25519"),
            pytest.param(
                dsa.DSAPublicNumbers(3, dsa.DSAParameterNumbers((1 << 2047) + 9, (1 << 255) + 9, 2)).public_key(),
                "another kind",
                id="DSA",
            ),
        ],
    )
    def test_refuses(self, key: object, kind: str) -> None:
        with pytest.raises(InvalidKey, match=kind) as caught:
            PublicKey.from_pem(PemBlock("PUBLIC KEY", spki(key)).encode())
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize("bits", [2048, 4096])
    def test_accepts_rsa_at_its_bounds(self, bits: int) -> None:
        assert PublicKey.from_spki(spki(rsa_public(bits))).algorithm is Algorithm.RSA

    def test_refuses_a_second_encoding_of_the_same_key(self, app: App) -> None:
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        prefix = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
        with pytest.raises(InvalidKey, match="canonical"):
            PublicKey.from_spki(prefix + point)
        with pytest.raises(InvalidKey):
            PublicKey.from_spki(app.acme.public.spki + b"\0")

    def test_says_which_file_it_was_given_instead(self, data: Path) -> None:
        with pytest.raises(InvalidKey, match="'ENCRYPTED SIGSTORE PRIVATE KEY', not a 'PUBLIC KEY'") as caught:
            PublicKey.from_pem((data / "cosign-v3.1.2.key").read_bytes())
        assert caught.value.hint == "give the file with the public half, for example cosign.pub"

    def test_refuses_a_key_cut_anywhere(self, app: App) -> None:
        der = app.acme.public.spki
        for length in range(len(der)):
            with pytest.raises(InvalidKey):
                PublicKey.from_spki(der[:length])

    @given(st.data())
    def test_a_changed_key_is_refused_or_another_key(self, app: App, data: st.DataObject) -> None:
        der = bytearray(app.acme.public.spki)
        position = data.draw(st.integers(0, len(der) - 1))
        der[position] ^= data.draw(st.integers(1, 255))
        try:
            key = PublicKey.from_spki(bytes(der))
        except InvalidKey:
            return
        assert key.hint != app.acme.public.hint

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, der: bytes) -> None:
        for read in (PublicKey.from_spki, PublicKey.from_pem, PrivateKey.from_pkcs8_der):
            with pytest.raises(InvalidKey):
                read(der)


class TestReadingPrivateKeys:
    def test_pkcs8_and_back(self, app: App) -> None:
        assert PrivateKey.from_pkcs8_der(app.acme.to_pkcs8_der()) == app.acme

    def test_reads_what_openssl_writes_without_password(self, data: Path) -> None:
        key = PrivateKey.from_plain_pem((data / "openssl-sec1-p256.pem").read_bytes())
        assert key.public == PublicKey.from_pem((data / "openssl-sec1-p256.pub").read_bytes())

    def test_a_public_key_is_no_private_key(self, app: App) -> None:
        with pytest.raises(InvalidKey, match="'PUBLIC KEY', not an unencrypted private key") as caught:
            PrivateKey.from_plain_pem(app.acme.public.pem)
        assert caught.value.hint == "give the file with the private half, for example cosign.key"

    @pytest.mark.parametrize("kind", ["P-384", "X25519", "encrypted"])
    def test_refuses(self, kind: str) -> None:
        keys: dict[str, Any] = {
            "P-384": ec.generate_private_key(ec.SECP384R1()),
            "X25519": x25519.X25519PrivateKey.generate(),
            "encrypted": ed25519.Ed25519PrivateKey.generate(),
        }
        encryption = BestAvailableEncryption(b"pw") if kind == "encrypted" else NoEncryption()
        with pytest.raises(InvalidKey):
            PrivateKey.from_pkcs8_der(keys[kind].private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption))

    @given(st.data())
    def test_a_changed_key_is_read_or_refused(self, app: App, data: st.DataObject) -> None:
        der = bytearray(app.acme.pkcs8)
        der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            PrivateKey.from_pkcs8_der(bytes(der))
        except InvalidKey:
            return
