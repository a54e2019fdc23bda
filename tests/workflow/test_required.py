"""Rules that require more than a signature on a package: of what it was composed of, and of its age."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.fakes.world import offline
from wpkg.errors import NotTrusted
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.trust.verification import SignatureInvalid
from wpkg.workflow.build import build
from wpkg.workflow.fetch import fetch
from wpkg.workflow.lock import lock
from wpkg.workflow.pull import pull
from wpkg.workflow.push import push
from wpkg.workflow.sign import attest, sign
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_inputs import InputNotTrusted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

BANK = """
[trust]
version = 1
[trust.keys.bank]
path = "bank.pub"
[trust.keys.platform]
path = "platform.pub"
[[trust.rule]]
match = "127.0.0.1:5000/demo/pay/validator"
signers = ["bank"]
{more}
[[trust.rule]]
match = "127.0.0.1:5000/demo/**"
{others}
"""
SIGNED = 'signers = ["platform"]'
UNSIGNED = 'unsigned = "allow"'
NEEDS = '[dependencies]\n"pay:validator" = "^0.1"\n'
PACKAGE = "pay:validator@0.1.0"


def shop(company: Company, more: str = "require-inputs-signed = true", others: str = UNSIGNED) -> Path:
    """A shop that needs the composed validator of the bank."""
    root = company.project("shop", extra=BANK.format(more=more, others=others) + NEEDS)
    (root / "bank.pub").write_bytes(company.bank_key.public.pem)
    return root


def published(company: Company, *, unsigned: bool) -> None:
    """pay:validator, signed by the bank and composed with pay:harness."""
    company.publish("harness", unsigned=unsigned)
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)


class TestInputs:
    def test_an_unsigned_input_is_refused_by_every_command(self, company: Company) -> None:
        published(company, unsigned=True)
        root = shop(company)
        world = company.world("shop")
        before = sorted(path.name for path in root.iterdir())
        for command in (
            lambda: lock(world, root),
            lambda: verify(world, root, PACKAGE),
            lambda: pull(world, root, PACKAGE, root / "x.wasm"),
        ):
            with pytest.raises(
                InputNotTrusted,
                match="pay/validator' wants its inputs signed, and pay:harness@0.1.0 is not signed",
            ) as caught:
                command()
            assert caught.value.exit_code == 5
        assert sorted(path.name for path in root.iterdir()) == before
        sign(company.world("p"), root, "pay:harness@0.1.0", company.platform_key)
        with pytest.raises(InputNotTrusted):  # by somebody whom the rule for it does not name
            lock(world, root)
        shop(company, others=SIGNED)
        lock(world, root)

    def test_without_the_rule_nobody_looks(self, company: Company) -> None:
        published(company, unsigned=True)
        root = shop(company, more="")
        lock(company.world("shop"), root)

    def test_what_is_locked_is_looked_at_again_and_offline_from_the_cache(self, company: Company) -> None:
        published(company, unsigned=True)
        root = shop(company, more="")
        world = company.world("shop")
        lock(world, root)
        fetch(world, root)
        shop(company)
        with pytest.raises(InputNotTrusted, match="pay:harness@0.1.0 is not signed"):
            fetch(world, root)
        sign(company.world("p"), root, "pay:harness@0.1.0", company.platform_key)
        shop(company, others=SIGNED)
        fetch(world, root)
        fetch(offline(world), root)

    def test_a_policy_beside_the_project_wants_it(self, company: Company) -> None:
        published(company, unsigned=True)
        root = shop(company, more="")
        strict = company.folder / "trust.toml"
        strict.write_text(BANK.format(more="require-inputs-signed = true", others=UNSIGNED))
        (company.folder / "platform.pub").write_bytes(company.platform_key.public.pem)
        (company.folder / "bank.pub").write_bytes(company.bank_key.public.pem)
        world = replace(company.world("shop"), policies=(strict,))
        with pytest.raises(InputNotTrusted, match=f"of {strict} wants its inputs signed"):
            lock(world, root)

    def test_without_provenance(self, company: Company) -> None:
        published(company, unsigned=False)
        for key, (_, data) in list(company.registry.manifests.items()):
            if key[0] == company.repository("validator") and SLSA_PROVENANCE.encode() in data:
                del company.registry.manifests[key]
        with pytest.raises(InputNotTrusted, match="nobody whom it names has attested what it was composed of"):
            lock(company.world("shop"), shop(company, others=SIGNED))

    def test_what_is_not_composed_has_no_inputs(self, company: Company) -> None:
        company.publish("validator", key=company.bank_key)
        lock(company.world("shop"), shop(company))


class TestAge:
    def test_our_own_provenance_has_the_time_that_was_set(self, company: Company) -> None:
        made = 1893456000  # 2030-01-01
        company.publish("harness")
        author = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
        build(company.world(), author, compose=True)
        push(company.world(SOURCE_DATE_EPOCH=str(made)), author, company.bank_key)
        root = shop(company, more='max-age = "30d"', others=SIGNED)
        early, late = (
            replace(company.world("shop"), now=lambda day=day: made + day * 86400.0) for day in (29, 31)
        )
        with pytest.raises(NotTrusted, match="was made on 2030-01-01, more than 30 days ago"):
            lock(late, root)
        lock(early, root)

    def test_our_own_provenance_has_no_time(self, company: Company) -> None:
        """So that publishing the same again changes nothing; whoever wants an age attests it."""
        published(company, unsigned=False)
        root = shop(company, more='max-age = "30d"', others=SIGNED)
        for command in (lambda w: lock(w, root), lambda w: verify(w, root, PACKAGE)):
            with pytest.raises(
                SignatureInvalid, match="does not say when it was made .finishedOn., by which max-age"
            ):
                command(company.world("shop"))

    def test_new_pins_are_young_and_what_is_locked_stays(self, company: Company) -> None:
        published(company, unsigned=False)
        root = shop(company, more='max-age = "30d"', others=SIGNED)
        predicate: dict[str, Any] = {"runDetails": {"metadata": {"finishedOn": "2030-01-01T00:00:00Z"}}}
        file = company.folder / "p.json"
        file.write_text(json.dumps(predicate))
        attest(company.world("bank"), root, PACKAGE, company.bank_key, "slsaprovenance1", file)
        early, late = (
            replace(company.world("shop"), now=lambda day=day: 1893456000 + day * 86400.0) for day in (5, 50)
        )
        with pytest.raises(NotTrusted, match="was made on 2030-01-01, more than 30 days ago"):
            lock(late, root)
        lock(early, root)
        lock(late, root)
        fetch(late, root)
        with pytest.raises(NotTrusted, match="more than 30 days ago"):
            verify(late, root, PACKAGE)
