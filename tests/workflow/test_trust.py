"""Trust in a project: policies that tighten, what the lock remembers, inputs of inputs, files with a bundle."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.workflow.conftest import TRUST, Company
from wpkg.errors import InvalidInput, NotTrusted
from wpkg.oci.manifest import read_manifest
from wpkg.trust.policy import WrongPlace
from wpkg.trust.statement import CYCLONEDX, SLSA_PROVENANCE
from wpkg.trust.verification import NotSigned, SignatureInvalid
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.lock import lock
from wpkg.workflow.published import VersionGone
from wpkg.workflow.pull import pull
from wpkg.workflow.push import push
from wpkg.workflow.sign import attest, sign
from wpkg.workflow.trusting import SignatureDisappeared, SignerChanged, VersionLowered
from wpkg.workflow.update import update
from wpkg.workflow.verify import verify
from wpkg.workflow.verify_inputs import InputNotTrusted

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.workflow.world import World

NEEDS = '[dependencies]\n"pay:harness" = "^0.1"\n'
DEPENDS = TRUST + NEEDS
PACKAGE = "pay:validator@0.1.0"


def composed(company: Company, extra: str = DEPENDS) -> Path:
    """The composed validator, published by the bank."""
    company.publish("harness")
    root = company.project("validator", extra=extra)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    return root


def policy(company: Company, *, signer: str = "stranger", more: str = "") -> World:
    """A world in which a policy beside the project's wants `signer`."""
    key = {"stranger": company.stranger_key, "platform": company.platform_key}[signer]
    (company.folder / "trusted.pub").write_bytes(key.public.pem)
    file = company.folder / "trust.toml"
    file.write_text(
        f'[trust]\nversion = 1\n[trust.keys.{signer}]\npath = "trusted.pub"\n'
        f'[[trust.rule]]\nmatch = "127.0.0.1:5000/**"\nsigners = ["{signer}"]\n{more}'
    )
    return replace(company.world("strict"), policies=(file,))


class TestPoliciesThatTighten:
    def test_both_must_be_satisfied(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS)
        before = sorted(path.name for path in root.iterdir())
        world = policy(company)
        for command in (
            lambda: lock(world, root),
            lambda: add(world, root, [Wanted.parse("pay:harness@^0.1")]),
            lambda: build(world, root, compose=True),
            lambda: pull(world, root, "pay:harness@0.1.0", root / "x.wasm"),
            lambda: verify(world, root, "pay:harness@0.1.0"),
        ):
            with pytest.raises(SignatureInvalid, match="a key that the rule does not name") as caught:
                command()
            assert "trust.toml wants 1 of these signers: 'stranger'" in str(caught.value.hint)
            assert caught.value.exit_code == 5
        assert sorted(path.name for path in root.iterdir()) == before
        sign(company.world("other"), root, "pay:harness@0.1.0", company.stranger_key)
        lock(world, root)

    def test_they_do_not_loosen(self, company: Company) -> None:
        company.publish("harness", key=company.stranger_key)
        root = company.project("validator", extra=DEPENDS)
        with pytest.raises(SignatureInvalid):
            lock(policy(company), root)

    def test_they_apply_without_a_trust_table(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=NEEDS)
        lock(company.world(), root)
        with pytest.raises(SignatureInvalid):
            lock(policy(company), root)

    def test_what_is_wrong_in_the_project_file_is_said_with_its_line(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS.replace("signers", "signer"))
        wanted = (root / "wasmcloud.toml").read_text().splitlines().index('signer = ["platform"]') + 1
        with pytest.raises(
            InvalidInput, match=rf"^wasmcloud.toml:{wanted}: trust.rule\[0\].signer: it is not a key"
        ):
            lock(company.world(), root)

    def test_a_build_notices_that_they_have_changed(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS)
        build(company.world(), root, compose=True)
        with pytest.raises(SignatureInvalid):
            build(policy(company), root, compose=True)

    @pytest.mark.parametrize(
        ("text", "message", "line"),
        [
            ("", r"there is no \[trust\] table", None),
            ("[trust", "it is not TOML", None),
            ("[trust]\nversion = 1\n[extra]\n", "not a key that wpkg knows", 3),
            ("[trust]\nversion = 2\n", "reads version 1", 2),
        ],
    )
    def test_a_file_that_is_no_policy_stops_everything(
        self, company: Company, text: str, message: str, line: int | None
    ) -> None:
        company.publish("harness")
        root = company.project("validator", extra=NEEDS)
        file = company.folder / "trust.toml"
        file.write_text(text)
        world = replace(company.world(), policies=(file,))
        with pytest.raises(InvalidInput, match=message) as caught:
            lock(world, root)
        assert str(caught.value).startswith(f"{file}:{line}: " if line else f"{file}: ")
        with pytest.raises(InvalidInput, match="no such file"):
            lock(replace(world, policies=(company.folder / "none.toml",)), root)


class TestNamespaces:
    def test_a_package_of_a_bound_namespace_comes_from_nowhere_else(self, company: Company) -> None:
        company.publish("harness")
        bound = TRUST.replace("version = 1", 'version = 1\nnamespaces = { pay = "ghcr.io/pay" }')
        root = company.project("validator", extra=bound + NEEDS)
        with pytest.raises(WrongPlace, match="packages of 'pay' come from ghcr.io/pay only"):
            lock(company.world(), root)
        root = company.project("validator", extra=bound.replace("ghcr.io/pay", "127.0.0.1:5000/demo") + NEEDS)
        lock(company.world(), root)


class TestKeysOverTime:
    def test_an_expired_key_refuses_new_pins_and_leaves_old_ones(self, company: Company) -> None:
        company.publish("harness")
        expiring = TRUST.replace('platform.pub"', 'platform.pub"\nexpires = 2030-01-31')
        root = company.project("validator", extra=expiring + NEEDS)
        later = dt.datetime(2030, 2, 1, tzinfo=dt.UTC).timestamp()
        world = replace(company.world(), now=lambda: later)
        with pytest.raises(SignatureInvalid, match="'platform', whose key has expired on 2030-01-31"):
            lock(world, root)
        lock(replace(world, now=lambda: later - 86400), root)
        lock(world, root)
        build(world, root, compose=True)

    def test_a_revoked_key_refuses_what_is_locked(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS)
        build(company.world(), root, compose=True)
        company.project("validator", extra=DEPENDS.replace('platform.pub"', 'platform.pub"\nrevoked = true'))
        for command in (lock, lambda w, r: build(w, r, compose=True)):
            with pytest.raises(SignatureInvalid, match="'platform', whose key is revoked"):
                command(company.world(), root)


class TestWhatTheLockRemembers:
    def test_a_newer_version_without_a_signature_is_not_taken(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
        lock(company.world(), root)
        company.publish("harness", "0.1.1", unsigned=True)
        before = (root / "wpkg.lock").read_bytes()
        (root / "wasmcloud.toml").write_text((root / "wasmcloud.toml").read_text().replace("^0.1", "^0.1.1"))
        with pytest.raises(
            SignatureDisappeared, match="pay:harness 0.1.1 has no signature, and pay:harness 0.1.0"
        ):
            lock(company.world(), root)
        assert (root / "wpkg.lock").read_bytes() == before

    def test_another_signer_is_taken_only_while_the_rule_names_both(self, company: Company) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS)
        lock(company.world(), root)
        sign(company.world(), root, "pay:harness@0.1.0", company.bank_key)
        (root / "bank.pub").write_bytes(company.bank_key.public.pem)
        only_bank = DEPENDS.replace("platform", "bank")
        company.project("validator", extra=only_bank)
        with pytest.raises(
            SignerChanged, match="is signed by the key .*, and pay:harness 0.1.0 was locked"
        ) as caught:
            lock(company.world(), root)
        assert (caught.value.exit_code, "name both in the rule" in str(caught.value.hint)) == (5, True)
        both = DEPENDS.replace('"]', '", "bank"]').replace("[[", '[trust.keys.bank]\npath = "bank.pub"\n[[')
        company.project("validator", extra=both)
        lock(company.world(), root)
        company.project("validator", extra=only_bank)
        lock(company.world(), root)

    def test_a_registry_that_hides_the_newer_version_is_noticed(self, company: Company) -> None:
        company.publish("harness")
        company.publish("harness", "0.1.1")
        root = company.project("validator", extra=DEPENDS)
        lock(company.world(), root)
        before = (root / "wpkg.lock").read_bytes()
        del company.registry.tags[company.repository("harness"), "0.1.1"]
        with pytest.raises(VersionGone, match="pay:harness 0.1.1 is locked, and .* has no tag 0.1.1 any more"):
            lock(company.world(), root)
        with pytest.raises(VersionLowered, match="0.1.1 is locked, .* nothing newer than 0.1.0") as caught:
            update(company.world(), root)
        assert caught.value.exit_code == 7
        assert (root / "wpkg.lock").read_bytes() == before
        (root / "wasmcloud.toml").write_text((root / "wasmcloud.toml").read_text().replace("^0.1", "=0.1.0"))
        lock(company.world(), root)


class TestInputs:
    def test_all_inputs_are_verified(self, company: Company) -> None:
        root = composed(company)
        keys = [company.key_file(company.bank_key, "b.pub"), company.key_file(company.platform_key, "p.pub")]
        found = verify(company.world("c"), root, PACKAGE, keys, inputs=True).verified_inputs
        states = {item.input.name: item.verification and item.verification.state for item in found}
        assert states == {"pay:harness@0.1.0": "verified", "pay:validator@0.1.0": None}
        with pytest.raises(NotTrusted, match="what it was composed of: pay:harness@0.1.0 .* is not trusted"):
            verify(company.world("c"), root, PACKAGE, keys[:1], inputs=True)
        verify(company.world("c"), root, PACKAGE, keys[:1])

    def test_an_unsigned_input_is_found(self, company: Company) -> None:
        company.publish("harness", unsigned=True)
        root = company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
        build(company.world(), root, compose=True)
        push(company.world(), root, company.bank_key)
        keys = [company.key_file(company.bank_key, "b.pub")]
        with pytest.raises(NotSigned, match="what it was composed of: pay:harness@0.1.0 .* is not signed"):
            verify(company.world("c"), root, PACKAGE, keys, inputs=True)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"digest": {"sha256": "0" * 64}}, "holds the component sha256:.* is sha256:0000"),
            ({"digest": {"sha256": "../x"}}, "is not a sha256 or sha512 digest"),
            ({"uri": "pkg:oci/x"}, "'' is not a repository"),
            ({"name": "pay:other@0.1.0"}, "is pay:harness@0.1.0, the provenance says pay:other"),
        ],
    )
    def test_provenance_that_says_something_else(
        self, company: Company, tmp_path: Path, change: dict[str, Any], message: str
    ) -> None:
        root = composed(company)
        keys = [company.key_file(company.bank_key, "b.pub"), company.key_file(company.platform_key, "p.pub")]
        verified = verify(company.world("c"), root, PACKAGE, keys)
        predicate = verified.verification.attestations[SLSA_PROVENANCE][0].statement.predicate
        dependencies = predicate["buildDefinition"]["resolvedDependencies"]
        harness = next(item for item in dependencies if item["name"] == "pay:harness@0.1.0")
        lie = {"buildDefinition": {"resolvedDependencies": [{**harness, **change}]}}
        for key, (_, data) in list(company.registry.manifests.items()):
            if SLSA_PROVENANCE.encode() in data and key[0] == company.repository("validator"):
                del company.registry.manifests[key]
        from wpkg.documents.strict_json import dump_json

        (tmp_path / "lie.json").write_bytes(dump_json(lie))
        attest(company.world(), root, PACKAGE, company.bank_key, "slsaprovenance1", tmp_path / "lie.json")
        with pytest.raises(InputNotTrusted, match=message) as caught:
            verify(company.world("c"), root, PACKAGE, keys, inputs=True)
        assert caught.value.exit_code == 5


def test_a_package_without_a_version_is_the_locked_one(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    with pytest.raises(InvalidInput, match="pay:harness is not in wpkg.lock"):
        verify(company.world(), root, "pay:harness")
    lock(company.world(), root)
    company.publish("harness", "0.1.1")
    assert str(verify(company.world(), root, "pay:harness").located.version) == "0.1.0"


class TestSignAndAttest:
    def test_what_was_published_unsigned_is_signed_later(self, company: Company) -> None:
        company.publish("harness", unsigned=True)
        root = company.project("validator", extra=DEPENDS)
        with pytest.raises(NotSigned):
            lock(company.world(), root)
        for _ in range(2):
            sign(company.world("p"), root, "pay:harness@0.1.0", company.platform_key)
        lock(company.world(), root)
        subject = company.registry.tags[company.repository("harness"), "0.1.0"]
        assert len(company.registry.list_referrers(company.repository("harness"), subject)) == 1
        signatures = company.registry.tags[company.repository("harness"), f"sha256-{subject.encoded}.sig"]
        manifest: Any = read_manifest(company.registry.manifests[company.repository("harness"), signatures][1])
        assert len(manifest.layers) == 1

    def test_any_predicate_is_attested_under_its_uri(self, company: Company, tmp_path: Path) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS)
        (tmp_path / "p.json").write_text('{"bomFormat": "CycloneDX"}')
        for kind in ("cyclonedx", "https://example.com/reviewed/v1"):
            attest(company.world("p"), root, "pay:harness@0.1.0", company.platform_key, kind, tmp_path / "p.json")
        found = verify(company.world(), root, "pay:harness@0.1.0").verification.attestations
        assert {CYCLONEDX, "https://example.com/reviewed/v1"} <= set(found)
        assert found[CYCLONEDX][0].statement.predicate == {"bomFormat": "CycloneDX"}

    @pytest.mark.parametrize(
        ("kind", "text", "message"),
        [
            ("reviewed", "{}", "'reviewed' is not a predicate type"),
            ("https://sigstore.dev/cosign/sign/v1", "{}", "is what a signature says"),
            ("cyclonedx", "[]", "the document is not a JSON object"),
            ("cyclonedx", '{"a":1,"a":2}', "the member 'a' occurs twice"),
        ],
    )
    def test_what_is_no_attestation_is_not_attached(
        self, company: Company, tmp_path: Path, kind: str, text: str, message: str
    ) -> None:
        company.publish("harness")
        root = company.project("validator", extra=DEPENDS)
        (tmp_path / "p.json").write_text(text)
        before = len(company.registry.manifests)
        with pytest.raises(InvalidInput, match=message):
            attest(company.world(), root, "pay:harness@0.1.0", company.platform_key, kind, tmp_path / "p.json")
        assert len(company.registry.manifests) == before

    def test_a_required_attestation_decides(self, company: Company, tmp_path: Path) -> None:
        company.publish("harness")
        require = f"require = [{{ predicate = '{CYCLONEDX}' }}]\n"
        root = company.project("validator", extra=TRUST + require + NEEDS)
        with pytest.raises(SignatureInvalid, match=f"{CYCLONEDX} is required, attested by 'platform', and is not"):
            lock(company.world(), root)
        (tmp_path / "p.json").write_text("{}")
        attest(
            company.world("p"), root, "pay:harness@0.1.0", company.platform_key, "cyclonedx", tmp_path / "p.json"
        )
        lock(company.world(), root)


class TestLegacyPolicy:
    def test_a_sig_tag_counts_only_where_the_rule_takes_it_offline_too(self, company: Company) -> None:
        company.publish("harness", unsigned=True)
        root = company.project("validator", extra=DEPENDS)
        sign(company.world("p"), root, "pay:harness@0.1.0", company.platform_key, ("legacy",))
        with pytest.raises(NotSigned):
            lock(company.world(), root)
        company.project("validator", extra=TRUST + 'formats = ["bundle", "legacy"]\n' + NEEDS)
        lock(company.world(), root)
        company.registry.requests.clear()
        build(company.world(), root, compose=True)
        company.registry.tags.pop(
            (company.repository("harness"), next(tag for _, tag in company.registry.tags if tag.endswith(".sig")))
        )
        with pytest.raises(NotTrusted):
            lock(company.world(), root)
