"""Dependencies that are signed keyless: enforced by every command, remembered by the lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.fakes.sigstore.attach import sign_keyless
from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.fakes.world import offline
from tests.workflow.conftest import TRUST, Company
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.trust.verification import NotSigned, SignatureInvalid
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.evidence import signature_claims
from wpkg.workflow.lock import lock
from wpkg.workflow.pull import pull
from wpkg.workflow.release import fetch_release
from wpkg.workflow.trusting import SignatureDisappeared, SignerChanged
from wpkg.workflow.update import update
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Reference

NEEDS = '[dependencies]\n"pay:harness" = "^0.1"\n'
PACKAGE = "pay:harness@0.1.0"
ANOTHER_TAG = WORKFLOW.replace("v1.4.0", "v1.4.1")
MANY = r"https://forge\.example/acme/app/\.github/workflows/release\.yml@refs/tags/v.*"


def trust(who: str = f'subject = "{WORKFLOW}"', more: str = "") -> str:
    return f"""
[trust]
version = 1
[trust.identities.release]
issuer = "{ISSUER}"
{who}
trusted-root = "trusted_root.json"
[[trust.rule]]
match = "127.0.0.1:5000/demo/**"
signers = ["release"]
{more}
"""


@dataclass
class Keyless:
    """The company, and an instance of sigstore that both teams trust."""

    company: Company
    sigstore: Sigstore = field(default_factory=Sigstore)

    def project(self, table: str) -> Path:
        root = self.company.project("validator", extra=table + NEEDS)
        (root / "trusted_root.json").write_bytes(self.sigstore.trusted_root())
        return root

    def publish(self, version: str = "0.1.0", subject: str = WORKFLOW, **how: str) -> Digest:
        """pay:harness, signed by `subject`; the digest of the referrer."""
        self.company.publish("harness", version, unsigned=True)
        return sign_keyless(self.company.world("ci"), self.reference(version), self.sigstore, subject, **how)

    def reference(self, version: str = "0.1.0") -> Reference:
        return self.company.repository("harness").at(tag=version)

    def forget(self, referrer: Digest) -> None:
        """The registry has lost a referrer."""
        del self.company.registry.manifests[self.company.repository("harness"), referrer]


@pytest.fixture
def keyless(company: Company) -> Keyless:
    return Keyless(company)


def test_every_command_enforces_it_and_the_lock_names_the_identity(keyless: Keyless) -> None:
    keyless.company.publish("harness", unsigned=True)
    root = keyless.project(trust())
    world = keyless.company.world()
    commands = (
        lambda: lock(world, root),
        lambda: add(world, root, [Wanted.parse("pay:harness@^0.1")]),
        lambda: build(world, root, compose=True),
        lambda: pull(world, root, PACKAGE, root / "x.wasm"),
        lambda: verify(world, root, PACKAGE),
    )
    for command in commands:
        with pytest.raises(NotSigned) as caught:
            command()
        assert caught.value.exit_code == 5
    sign_keyless(world, keyless.reference(), Sigstore())
    for command in commands:
        with pytest.raises(SignatureInvalid, match="its signature is not by 'release', whom it names"):
            command()
    assert not (root / "wpkg.lock").exists()
    sign_keyless(world, keyless.reference(), keyless.sigstore)
    for command in commands:
        command()
    assert f'signers = [\n    "{ISSUER} {WORKFLOW}",\n]' in (root / "wpkg.lock").read_text()


def test_what_is_in_the_cache_is_verified_from_there(keyless: Keyless) -> None:
    keyless.publish()
    root = keyless.project(trust())
    world = keyless.company.world()
    build(world, root, compose=True)
    (root / "build" / "validator.composed.wasm").unlink()
    build(offline(world), root, compose=True)


def test_a_build_notices_that_the_root_has_changed(keyless: Keyless) -> None:
    keyless.publish()
    root = keyless.project(trust())
    build(keyless.company.world(), root, compose=True)
    (root / "trusted_root.json").write_bytes(Sigstore().trusted_root())
    with pytest.raises(SignatureInvalid, match="'release'"):
        build(keyless.company.world(), root, compose=True)


def test_provenance_counts_where_the_rule_takes_it_for_a_signature(keyless: Keyless) -> None:
    keyless.publish(predicate_type=SLSA_PROVENANCE)
    root = keyless.project(trust())
    with pytest.raises(NotSigned, match="an attestation by 'release', which is not a signature"):
        lock(keyless.company.world(), root)
    root = keyless.project(trust(more=f'accept-attestation = ["{SLSA_PROVENANCE}"]'))
    lock(keyless.company.world(), root)


def test_a_policy_beside_the_project_tightens(keyless: Keyless) -> None:
    keyless.company.publish("harness")
    root = keyless.project(TRUST)
    file = keyless.company.folder / "trust.toml"
    file.write_text(trust())
    (keyless.company.folder / "trusted_root.json").write_bytes(keyless.sigstore.trusted_root())
    world = replace(keyless.company.world(), policies=(file,))
    with pytest.raises(SignatureInvalid, match="a key that the rule does not name") as caught:
        lock(world, root)
    assert "trust.toml wants 1 of these signers: 'release'" in str(caught.value.hint)
    sign_keyless(world, keyless.reference(), keyless.sigstore)
    lock(world, root)
    build(world, root, compose=True)


class TestWhatTheLockRemembers:
    def test_another_subject_of_the_same_pattern_is_the_same_signer(self, keyless: Keyless) -> None:
        keyless.publish()
        root = keyless.project(trust(f"subject-regexp = '{MANY}'"))
        lock(keyless.company.world(), root)
        keyless.publish("0.1.1", ANOTHER_TAG)
        update(keyless.company.world(), root)
        text = (root / "wpkg.lock").read_text()
        assert (f"{ISSUER} {ANOTHER_TAG}" in text, f"{ISSUER} {WORKFLOW}" in text) == (True, False)

    def test_another_identity_is_another_signer(self, keyless: Keyless) -> None:
        keyless.publish()
        root = keyless.project(trust())
        lock(keyless.company.world(), root)
        before = (root / "wpkg.lock").read_bytes()
        keyless.publish("0.1.1", ANOTHER_TAG)
        keyless.project(trust(f'subject = "{ANOTHER_TAG}"'))
        with pytest.raises(SignerChanged) as caught:
            update(keyless.company.world(), root)
        assert caught.value.message == (
            f"pay:harness 0.1.1 is signed by the identity {ANOTHER_TAG} of {ISSUER}, "
            f"and pay:harness 0.1.0 was locked with a signature by the identity {WORKFLOW} of {ISSUER}"
        )
        assert (root / "wpkg.lock").read_bytes() == before

    def test_a_key_is_another_signer_than_an_identity(self, keyless: Keyless) -> None:
        keyless.company.publish("harness")
        root = keyless.project(TRUST)
        lock(keyless.company.world(), root)
        sign_keyless(keyless.company.world(), keyless.reference(), keyless.sigstore)
        keyless.project(trust())
        with pytest.raises(SignerChanged, match=r"by the identity .* was locked with a signature by the key"):
            lock(keyless.company.world(), root)
        both = trust().replace('["release"]', '["release", "platform"]')
        keyless.project(both + '[trust.keys.platform]\npath = "platform.pub"\n')
        lock(keyless.company.world(), root)
        keyless.project(trust())
        lock(keyless.company.world(), root)

    def test_naming_one_of_two_who_signed_is_not_naming_both(self, keyless: Keyless) -> None:
        keyless.company.publish("harness")
        world = keyless.company.world()
        sign_keyless(world, keyless.reference(), keyless.sigstore)
        both = trust().replace('["release"]', '["release", "platform"]')
        key = '[trust.keys.platform]\npath = "platform.pub"\n'
        root = keyless.project(both + key)
        lock(world, root)
        keyless.publish("0.1.1", ANOTHER_TAG)
        keyless.project(both.replace(WORKFLOW, ANOTHER_TAG) + key)
        with pytest.raises(SignerChanged, match="by the key .* and the identity"):
            update(world, root)
        keyless.project(both.replace(f'subject = "{WORKFLOW}"', f"subject-regexp = '{MANY}'") + key)
        update(world, root)

    def test_a_signature_that_disappears(self, keyless: Keyless) -> None:
        referrer = keyless.publish()
        root = keyless.project(trust())
        lock(keyless.company.world(), root)
        keyless.forget(referrer)
        with pytest.raises(SignatureDisappeared, match="was signed when it was locked"):
            lock(keyless.company.world("somebody else"), root)

    @pytest.mark.parametrize("is_keyless", [True, False])
    def test_a_signature_that_a_stranger_has_replaced(self, keyless: Keyless, *, is_keyless: bool) -> None:
        """Where unsigned packages are allowed, one that was signed still is not."""
        table = (trust() if is_keyless else TRUST) + 'unsigned = "allow"\n'
        if is_keyless:
            keyless.publish()
        else:
            keyless.company.publish("harness")
        root = keyless.project(table)
        lock(keyless.company.world(), root)
        before = (root / "wpkg.lock").read_bytes()
        keyless.company.publish("harness", "0.1.1", key=keyless.company.stranger_key)
        sign_keyless(keyless.company.world(), keyless.reference("0.1.1"), Sigstore())
        with pytest.raises(
            SignatureDisappeared, match="0.1.1 has no signature that counts, and pay:harness 0.1.0"
        ):
            update(keyless.company.world(), root)
        assert (root / "wpkg.lock").read_bytes() == before

    def test_a_recorded_identity_that_no_longer_counts(self, keyless: Keyless) -> None:
        keyless.publish()
        root = keyless.project(trust())
        lock(keyless.company.world(), root)
        sign_keyless(keyless.company.world(), keyless.reference(), keyless.sigstore, ANOTHER_TAG)
        keyless.project(trust(f'subject = "{ANOTHER_TAG}"'))
        with pytest.raises(
            SignatureDisappeared, match=f"a signature by the identity {WORKFLOW} of {ISSUER}, which"
        ):
            build(keyless.company.world("somebody else"), root, compose=True)


def test_claims_are_shown_before_anybody_is_trusted(keyless: Keyless) -> None:
    keyless.publish()
    world = keyless.company.world()
    (claim,) = signature_claims(world, fetch_release(world, keyless.reference()))
    assert claim.hint == f"{ISSUER} {WORKFLOW}"
