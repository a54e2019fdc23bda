"""Files with a bundle that was signed without a key: by whom, as a certificate and the root of trust say."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.fakes.world import Chance, fake_world
from wpkg.errors import InvalidInput
from wpkg.trust.keys import PrivateKey
from wpkg.trust.statement import COSIGN_SIGN, SLSA_PROVENANCE, Statement, Subject
from wpkg.workflow.verify_file import ClaimedIdentity, FileNotTrusted, VerifiedFile, verify_file

if TYPE_CHECKING:
    from pathlib import Path

FILE = b"the component"
ANOTHER_TAG = WORKFLOW.replace("v1.4.0", "v1.4.1")


@dataclass
class Released:
    """app.wasm as a workflow has released it."""

    folder: Path
    sigstore: Sigstore = field(default_factory=Sigstore)

    def __post_init__(self) -> None:
        (self.folder / "app.wasm").write_bytes(FILE)
        (self.folder / "trusted_root.json").write_bytes(self.sigstore.trusted_root())

    def statement(self, about: bytes = FILE, kind: str = COSIGN_SIGN, **how: Any) -> dict[str, Any]:
        subject = Subject({"sha256": hashlib.sha256(about).hexdigest()}, "app.wasm")
        return self.sigstore.sign(Statement((subject,), kind).encode(), **how)

    def bundle(self, form: str) -> dict[str, Any]:
        return self.statement() if form == "statement" else self.sigstore.sign_file(FILE)

    def verify(
        self,
        bundle: dict[str, Any],
        subject: str | None = WORKFLOW,
        issuer: str | None = ISSUER,
        *,
        keys: tuple[str, ...] = (),
        kind: str | None = None,
    ) -> VerifiedFile:
        (self.folder / "app.json").write_text(json.dumps(bundle))
        identity = (
            ClaimedIdentity(subject, issuer, self.folder / "trusted_root.json") if subject or issuer else None
        )
        return verify_file(
            fake_world(self.folder),
            self.folder / "app.wasm",
            self.folder / "app.json",
            [self.folder / key for key in keys],
            kind,
            identity,
        )


@pytest.fixture
def released(tmp_path: Path) -> Released:
    return Released(tmp_path)


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_that_the_identity_has_signed(released: Released, version: Any) -> None:
    for bundle in (
        released.sigstore.sign_file(FILE, version=version),
        released.statement(version=version),
    ):
        found = released.verify(bundle)
        assert found.signer.hint == f"{ISSUER} {WORKFLOW}"
        assert found.digest.encoded == hashlib.sha256(FILE).hexdigest()


@pytest.mark.parametrize("form", ["statement", "file"])
def test_by_somebody_else(released: Released, form: str) -> None:
    """Both names have to be those of the certificate, and the root has to vouch for it."""
    for subject, issuer in (
        (ANOTHER_TAG, ISSUER),
        (WORKFLOW, "https://token.other.example"),
        (WORKFLOW[:-1], ISSUER),
    ):
        with pytest.raises(
            FileNotTrusted, match="app.json is signed by .*v1.4.0' of .*, not by '.*' of "
        ) as caught:
            released.verify(released.bundle(form), subject, issuer)
        assert caught.value.hint == "both names have to be those of the certificate, to the letter"
    impostor = Sigstore()
    forged = Released(released.folder, impostor).bundle(form)
    (released.folder / "trusted_root.json").write_bytes(released.sigstore.trusted_root())
    with pytest.raises(FileNotTrusted, match="app.json does not count: its signature is not by .*, whom it names"):
        released.verify(forged)


def test_something_else(released: Released) -> None:
    with pytest.raises(FileNotTrusted, match=r"is about other bytes than .*app\.wasm"):
        released.verify(released.statement(b"other"))
    with pytest.raises(FileNotTrusted, match=r"what was signed in .* is sha256:.*, and .*app\.wasm is sha256:"):
        released.verify(released.sigstore.sign_file(b"other"))
    bundle = released.sigstore.sign_file(b"other")
    del bundle["messageSignature"]["messageDigest"]
    with pytest.raises(FileNotTrusted, match="does not count: .*Signature is invalid for input"):
        released.verify(bundle)
    attested = released.statement(kind=SLSA_PROVENANCE)
    with pytest.raises(FileNotTrusted, match="holds https://slsa.dev/provenance/v1, not .*cosign/sign/v1"):
        released.verify(attested)
    assert released.verify(attested, kind="slsaprovenance1").statement is not None


def test_what_no_log_has_seen(released: Released) -> None:
    """Without an entry nobody knows that the key was used while it was the identity's."""
    for bundle in (released.statement(), released.sigstore.sign_file(FILE)):
        bundle["verificationMaterial"]["tlogEntries"] = []
        with pytest.raises(FileNotTrusted, match="does not count"):
            released.verify(bundle)
    of_another = released.sigstore.sign_file(FILE)
    of_another["verificationMaterial"]["tlogEntries"] = released.sigstore.sign_file(b"other")[
        "verificationMaterial"
    ]["tlogEntries"]
    with pytest.raises(FileNotTrusted, match="does not count"):
        released.verify(of_another)


def test_keys_and_identities_do_not_stand_for_each_other(released: Released) -> None:
    key = PrivateKey.generate(Chance("somebody"))
    (released.folder / "some.pub").write_bytes(key.public.pem)
    with pytest.raises(FileNotTrusted, match="is keyless, by .*, and only keys are trusted") as caught:
        released.verify(released.statement(), None, None, keys=("some.pub",))
    assert "--certificate-identity" in str(caught.value.hint)
    assert released.verify(released.statement(), keys=("some.pub",)).signer.name == WORKFLOW
    by_key = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": key.public.hint}},
        "messageSignature": {"signature": base64.b64encode(key.sign(FILE)).decode()},
    }
    with pytest.raises(FileNotTrusted, match="is no signature over .*app.wasm by https://forge.example"):
        released.verify(by_key)
    assert released.verify(by_key, keys=("some.pub",)).signer.name == "some.pub"


def test_an_identity_takes_all_three(released: Released) -> None:
    for subject, issuer in ((WORKFLOW, None), (None, ISSUER)):
        with pytest.raises(InvalidInput, match="a subject, its issuer, and the root of trust") as caught:
            released.verify(released.statement(), subject, issuer)
        assert "--certificate-oidc-issuer and --trusted-root" in str(caught.value.hint)
    (released.folder / "trusted_root.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"trusted_root\.json does not say that it is a trusted root"):
        released.verify(released.statement())
