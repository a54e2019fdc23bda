"""cosign and our sigstore in a box: it accepts the same keyless signatures as we do, and refuses the same."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.fakes.sigstore.attach import sign_keyless
from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from tests.fakes.world import fake_world
from tests.interop.conftest import Publication, publish
from tests.interop.test_cosign import cosign
from wpkg.errors import NotTrusted
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Reference
from wpkg.trust.identity import Identity
from wpkg.trust.statement import COSIGN_SIGN, Statement, Subject
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_file import ClaimedIdentity, FileNotTrusted, verify_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

POLICY = """[trust]
version = 1
[trust.identities.release]
issuer = "{issuer}"
subject = "{subject}"
trusted-root = "{root}"
[[trust.rule]]
match = "127.0.0.1:*/**"
signers = ["release"]
"""


@pytest.fixture(scope="module")
def sigstore() -> Sigstore:
    return Sigstore()


@pytest.fixture
def published(tmp_path: Path, address: str) -> Publication:
    return publish(tmp_path, address, unsigned=True)


def raw(published: Publication) -> str:
    """The raw component, by digest: a composed one has to have provenance besides."""
    return f"{published.pushed.repository}@{published.pushed.artifacts[0].publication.artifact.manifest.digest}"


def verdicts(
    published: Publication, root: bytes, log: int, issuer: str = ISSUER, subject: str = WORKFLOW
) -> tuple[str, str]:
    """What cosign and what we have against the artifact; '' for nothing."""
    folder, reference = published.folder, raw(published)
    (folder / "trusted_root.json").write_bytes(root)
    words = ["verify", "--trusted-root", "trusted_root.json", "--certificate-identity", subject]
    words += ["--certificate-oidc-issuer", issuer, *(["--use-signed-timestamps"] if log == 2 else [])]
    theirs = cosign("v3", folder, *words, reference)
    (folder / "policy.toml").write_text(POLICY.format(issuer=issuer, subject=subject, root="trusted_root.json"))
    world = replace(published.company.world("reader"), policies=(folder / "policy.toml",))
    try:
        verify(world, folder, reference)
    except NotTrusted as error:
        ours = str(error)
    else:
        ours = ""
    return ("" if theirs.code == 0 else theirs.out), ours


@pytest.mark.parametrize("log", [1, 2])
def test_both_accept_what_the_identity_signed(published: Publication, sigstore: Sigstore, log: int) -> None:
    sign_keyless(published.company.world("ci"), Reference.parse(raw(published)), sigstore, version=log)
    assert verdicts(published, sigstore.trusted_root(), log) == ("", "")


def test_a_pattern_is_for_the_whole_subject_here_and_for_a_part_there(
    published: Publication, sigstore: Sigstore
) -> None:
    """docs/trust.md says so."""
    sign_keyless(published.company.world("ci"), Reference.parse(raw(published)), sigstore)
    (published.folder / "trusted_root.json").write_bytes(sigstore.trusted_root())
    words = ["verify", "--trusted-root", "trusted_root.json", "--certificate-oidc-issuer", ISSUER]
    words += ["--certificate-identity-regexp", "forge.example/acme/"]
    assert cosign("v3", published.folder, *words, raw(published)).code == 0
    assert not Identity(ISSUER, None, "forge.example/acme/", b"").matches(ISSUER, WORKFLOW)


@pytest.mark.parametrize("log", [1, 2])
@pytest.mark.parametrize(
    ("how", "asked", "their_reason", "our_reason"),
    [
        pytest.param({"after": timedelta(minutes=11)}, {}, "certificate", "cert is not valid at validation time", id="an expired certificate"),
        pytest.param({"seen": False}, {}, "only able to verify 0 SCT entries", "failed to verify SCT", id="no certificate log"),
        pytest.param({"subject": WORKFLOW + "1"}, {}, "expected SAN value", "whom the rule does not name", id="another subject"),
        pytest.param({}, {"issuer": "https://evil.example"}, "expected issuer value", "whom the rule does not name", id="another issuer"),
        pytest.param({}, {"root": Sigstore().trusted_root()}, "failed to verify", "not by 'release', whom it names", id="another root"),
    ],
)  # fmt: skip
def test_both_refuse(
    published: Publication,
    sigstore: Sigstore,
    log: int,
    how: dict[str, Any],
    asked: dict[str, Any],
    their_reason: str,
    our_reason: str,
) -> None:
    sign_keyless(published.company.world("ci"), Reference.parse(raw(published)), sigstore, version=log, **how)
    theirs, ours = verdicts(published, **{"root": sigstore.trusted_root(), "log": log, **asked})
    assert their_reason in theirs
    assert our_reason in ours


@pytest.mark.parametrize("log", [1, 2])
@pytest.mark.parametrize("form", ["file", "statement"])
def test_both_come_to_the_same_about_a_file(tmp_path: Path, sigstore: Sigstore, log: Any, form: str) -> None:
    """`cosign verify-blob` on what was signed as `sign-blob` does, `verify-blob-attestation` on a statement."""
    data = b"the component"
    if form == "file":
        bundle, words = sigstore.sign_file(data, version=log), ["verify-blob"]
    else:
        statement = Statement((Subject({"sha256": Digest.of(data).encoded}, "app.wasm"),), COSIGN_SIGN)
        bundle = sigstore.sign(statement.encode(), version=log)
        words = ["verify-blob-attestation", "--type", COSIGN_SIGN]
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    (tmp_path / "trusted_root.json").write_bytes(sigstore.trusted_root())
    for name, subject, content in (
        ("app.wasm", WORKFLOW, data),
        ("app.wasm", WORKFLOW + "x", data),
        ("other.wasm", WORKFLOW, b"other"),
    ):
        (tmp_path / name).write_bytes(content)
        options = ["--bundle", "b.json", "--trusted-root", "trusted_root.json", "--certificate-identity", subject]
        options += ["--certificate-oidc-issuer", ISSUER, *(["--use-signed-timestamps"] if log == 2 else [])]
        theirs = cosign("v3", tmp_path, *words, *options, name)
        identity = ClaimedIdentity(subject, ISSUER, tmp_path / "trusted_root.json")
        try:
            verify_file(fake_world(tmp_path / "c"), tmp_path / name, tmp_path / "b.json", [], identity=identity)
        except FileNotTrusted:
            ours = False
        else:
            ours = True
        good = (name, subject) == ("app.wasm", WORKFLOW)
        assert (theirs.code == 0, ours) == (good, good), theirs.out
