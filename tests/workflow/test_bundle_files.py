"""Files with a bundle: signed by keys, and verified by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.workflow.conftest import HARNESS, Company, component
from tests.workflow.test_trust import DEPENDS
from wpkg.errors import InvalidInput, WpkgError
from wpkg.trust.bundle import sign_statement
from wpkg.trust.statement import provenance_statement, signature_statement
from wpkg.workflow.attach import published_as
from wpkg.workflow.sign import sign, sign_to_file
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_file import FileNotTrusted, verify_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_by_its_bundle(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    release = verify(company.world(), root, "pay:harness@0.1.0").release
    file, bundle = tmp_path / "harness.wasm", tmp_path / "bundle.json"
    file.write_bytes(component(HARNESS))
    bundle.write_bytes(sign_statement(company.platform_key, signature_statement(published_as(release))))
    keys = [company.key_file(company.platform_key, "p.pub")]
    assert verify_file(company.world(), file, bundle, keys).signer.hint == company.platform_key.public.hint
    faults: list[tuple[Any, str, type[WpkgError]]] = [
        ([company.key_file(company.stranger_key, "s.pub")], "not a statement signed by s.pub", FileNotTrusted),
        ([], "nothing says whom to trust", InvalidInput),
    ]
    for given, message, error in faults:
        with pytest.raises(error, match=message):
            verify_file(company.world(), file, bundle, given)
    with pytest.raises(FileNotTrusted, match="holds .*sign/v1, not https://slsa.dev"):
        verify_file(company.world(), file, bundle, keys, "slsaprovenance1")
    file.write_bytes(component(HARNESS)[:-1] + b"x")
    with pytest.raises(FileNotTrusted, match="is about other bytes"):
        verify_file(company.world(), file, bundle, keys)
    file.write_bytes(component(HARNESS))
    attested = provenance_statement(published_as(release), {})
    bundle.write_bytes(sign_statement(company.platform_key, attested))
    with pytest.raises(FileNotTrusted, match="an attestation is not|holds https://slsa.dev"):
        verify_file(company.world(), file, bundle, keys)
    assert verify_file(company.world(), file, bundle, keys, "slsaprovenance1").statement == attested
    bundle.write_bytes(b"{")
    with pytest.raises(InvalidInput, match="bundle.json: the bundle is malformed"):
        verify_file(company.world(), file, bundle, keys)


def test_a_file_is_signed_into_a_bundle(company: Company, tmp_path: Path) -> None:
    company.publish("harness", unsigned=True)
    root, world = company.project("validator", extra=DEPENDS), company.world()
    file, bundle = tmp_path / "harness.wasm", tmp_path / "bundle.json"
    file.write_bytes(component(HARNESS))
    keys = [company.key_file(company.platform_key, "p.pub")]
    before = dict(company.registry.manifests)
    with pytest.raises(InvalidInput, match="harness.wasm is a file, whose signature has nowhere to be") as caught:
        sign(world, root, str(file), company.platform_key)
    assert "--bundle" in str(caught.value.hint)
    for text in (str(file), "pay:harness@0.1.0"):
        written = sign_to_file(world, root, text, company.platform_key, bundle)
        assert verify_file(world, file, bundle, keys).signer.hint == written.signer
        with pytest.raises(FileNotTrusted):
            verify_file(world, file, bundle, [company.key_file(company.stranger_key, "s.pub")])
    other = tmp_path / "other.wasm"
    other.write_bytes(b"other")
    with pytest.raises(FileNotTrusted, match="about other bytes"):
        verify_file(world, other, bundle, keys)
    assert company.registry.manifests == before
