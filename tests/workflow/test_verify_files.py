"""Component files without a bundle: what the lock of a project says that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workflow.conftest import HARNESS, VALIDATOR, Company, component
from tests.workflow.test_trust import DEPENDS, policy
from wpkg.errors import InvalidInput
from wpkg.oci.digest import Digest
from wpkg.trust.verification import SignatureInvalid
from wpkg.workflow.lock import lock
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_file import FileNotTrusted

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_without_a_bundle_is_what_the_lock_pins(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    file = tmp_path / "anything.wasm"
    file.write_bytes(component(HARNESS))
    with pytest.raises(InvalidInput, match="there is no wpkg.lock that could say where .*anything.wasm") as caught:
        verify(company.world(), root, str(file))
    assert "--bundle FILE --key FILE" in str(caught.value.hint)
    lock(company.world(), root)
    found = verify(company.world(), root, str(file))
    assert (str(found.located.package), found.verification.state) == ("pay:harness", "verified")
    with pytest.raises(SignatureInvalid):
        verify(policy(company), root, str(file))
    file.write_bytes(component(HARNESS)[:-1] + b"x")
    with pytest.raises(InvalidInput, match="anything.wasm is sha256:.*, which wpkg.lock does not pin"):
        verify(company.world(), root, str(file))
    with pytest.raises(InvalidInput, match="cannot read .*none.wasm: no such file"):
        verify(company.world(), root, str(tmp_path / "none.wasm"))


def test_a_lock_that_lies_about_a_file(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    lock(company.world(), root)
    file = tmp_path / "evil.wasm"
    file.write_bytes(component(VALIDATOR))
    pinned = str(verify(company.world(), root, "pay:harness").release.component.digest)
    text = (root / "wpkg.lock").read_text()
    assert pinned in text
    (root / "wpkg.lock").write_text(text.replace(pinned, str(Digest.of(file.read_bytes()))))
    with pytest.raises(FileNotTrusted, match="evil.wasm is sha256:.*, and pay:harness 0.1.0 .* is sha256:"):
        verify(company.world(), root, str(file))
