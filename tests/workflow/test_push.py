from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from tests.workflow.conftest import TRUST, Company
from wpkg.errors import InvalidInput, LockOutOfDate
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_CONFIG, WASM_LAYER, read_config, wasm_layer
from wpkg.oci.manifest import Manifest, read_manifest
from wpkg.registry.errors import UnexpectedAnswer
from wpkg.trust.bundle import BUNDLE_V03, Bundle
from wpkg.trust.statement import COSIGN_SIGN, CYCLONEDX, SLSA_PROVENANCE, Statement
from wpkg.workflow.attach import NotReadBack
from wpkg.workflow.build import build
from wpkg.workflow.lock import lock
from wpkg.workflow.publication import NotBuilt
from wpkg.workflow.push import VersionExists, push

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Repository

DEPENDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'


def built(company: Company, version: str = "0.1.0") -> Path:
    if not company.registry.tags:
        company.publish("harness")
    root = company.project("validator", version, DEPENDS)
    build(company.world(), root, compose=True)
    return root


def statements(company: Company, digest: Digest) -> dict[str, Statement]:
    """The statements attached to an artifact of the validator, by predicate type."""
    repository = company.repository("validator")
    found = {}
    for referrer in company.registry.list_referrers(repository, digest):
        manifest = read_manifest(company.registry.manifests[repository, referrer.digest][1])
        assert isinstance(manifest, Manifest)
        bundle = Bundle.read(company.registry.blobs[repository, manifest.layers[0].digest])
        statement = Statement.read(bundle.envelope.payload)
        found[statement.predicate_type] = statement
    return found


def test_raw_and_composed_are_published_and_the_tags_come_last(company: Company) -> None:
    root = built(company)
    company.registry.log.clear()
    pushed = push(company.world(), root, company.bank_key)
    tags = [entry for entry in company.registry.log if entry.startswith("tag")]
    manifests = [artifact.publication.artifact.manifest.digest for artifact in pushed.artifacts]
    tags, signatures = tags[-2:], tags[:-2]
    assert sorted(signatures) == sorted(f"tag sha256-{digest.encoded}.sig" for digest in manifests)
    assert tags == ["tag 0.1.0_raw", "tag 0.1.0"]
    assert company.registry.log[-2:] == tags
    last_referrer = max(i for i, entry in enumerate(company.registry.log) if entry == "referrer")
    assert company.registry.log.index("manifest") < last_referrer < company.registry.log.index(tags[0])
    assert [a.publication.record.kind for a in pushed.artifacts] == ["raw", "composed"]


class Together(MemoryRegistry):
    """Takes components, their configs and bundles only when so many of them come at once."""

    def __init__(self) -> None:
        super().__init__()
        self.barriers: dict[str, threading.Barrier] = {}

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        barrier = self.barriers.get(blob.media_type)
        if barrier is not None:
            barrier.wait(10)
        return super().push_blob(repository, blob, source, origin)


def test_both_components_and_their_configs_are_sent_at_once(tmp_path: Path) -> None:
    registry = Together()
    company = Company(tmp_path, registry)
    root = built(company)
    all_four = threading.Barrier(4)
    registry.barriers = {WASM_LAYER: all_four, WASM_CONFIG: all_four}
    assert len(push(company.world(), root, company.bank_key).artifacts) == 2


def test_all_that_is_said_of_an_artifact_is_sent_at_once(tmp_path: Path) -> None:
    """The signature and the provenance."""
    registry = Together()
    registry.barriers = {BUNDLE_V03: threading.Barrier(2)}
    (artifact,) = Company(tmp_path, registry).publish("harness").artifacts
    assert artifact.attestations == (SLSA_PROVENANCE,)


def test_the_config_says_what_resolving_needs(company: Company) -> None:
    pushed = push(company.world(), built(company), company.bank_key)
    raw, composed = (artifact.publication for artifact in pushed.artifacts)
    repository = company.repository("validator")
    records = []
    for publication in (raw, composed):
        record = read_config(company.registry.blobs[repository, publication.artifact.config.digest]).record
        assert record is not None
        assert (str(record.package), str(record.version)) == ("pay:validator", "0.1.0")
        records.append(record)
    assert [str(d.name) for d in records[0].dependencies] == ["pay:harness"]
    assert records[1].dependencies == ()
    assert records[1].raw == raw.artifact.manifest.digest


def test_the_composed_component_says_what_it_was_composed_of(company: Company) -> None:
    pushed = push(company.world(), built(company), company.bank_key)
    publication = pushed.artifacts[1].publication
    found = statements(company, publication.artifact.manifest.digest)
    assert set(found) == {COSIGN_SIGN, SLSA_PROVENANCE, CYCLONEDX}
    for statement in found.values():
        manifest, wasm = statement.subjects
        assert manifest.digests["sha256"] == publication.artifact.manifest.digest.encoded
        assert wasm.digests["sha256"] == publication.artifact.component.digest.encoded
    predicate = found[SLSA_PROVENANCE].predicate
    definition = predicate["buildDefinition"]
    assert definition["buildType"] == "https://wpkg.dev/buildtypes/compose/v1"
    inputs = {d["name"]: d for d in definition["resolvedDependencies"]}
    harness = inputs["pay:harness@0.1.0"]
    assert harness["annotations"]["role"] == "root"
    assert harness["annotations"]["signers"] == [company.platform_key.public.hint]
    assert inputs["pay:validator@0.1.0"]["annotations"]["role"] == "local"
    assert {"wasmcloud.toml", "wpkg.lock"} <= set(inputs)
    assert definition["internalParameters"]["plan"][0]["satisfied-by"] == "pay:validator"
    assert "metadata" not in predicate["runDetails"]


def test_the_raw_component_says_which_command_built_it_only_when_wpkg_ran_it(company: Company) -> None:
    root = built(company)
    pushed = push(company.world(), root, company.bank_key)
    raw = statements(company, pushed.artifacts[0].publication.artifact.manifest.digest)
    definition = raw[SLSA_PROVENANCE].predicate["buildDefinition"]
    assert definition["externalParameters"]["buildCommand"] == "make validator"
    assert list(definition["internalParameters"]["producers"]) == ["wit-component"]
    company.sources["validator"] = company.sources["validator"] + b"\0\x06\x04dateX"
    (root / "build" / "validator.wasm").write_bytes(company.sources["validator"])
    company.project("validator", "0.2.0", DEPENDS)
    build(company.world(), root, compose=True, run_command=False)
    pushed = push(company.world(), root, company.bank_key)
    assert set(statements(company, pushed.artifacts[0].publication.artifact.manifest.digest)) == {COSIGN_SIGN}


def test_pushing_again_changes_nothing(company: Company) -> None:
    root = built(company)
    first = push(company.world(), root, company.bank_key)
    stored = (dict(company.registry.manifests), dict(company.registry.blobs), dict(company.registry.tags))
    second = push(company.world("elsewhere"), root, company.bank_key)
    assert (company.registry.manifests, company.registry.blobs, company.registry.tags) == stored
    assert [a.was_there for a in first.artifacts] == [False, False]
    assert [a.was_there for a in second.artifacts] == [True, True]


def test_another_content_under_a_published_version_is_refused(company: Company) -> None:
    root = built(company)
    push(company.world(), root, company.bank_key)
    before = dict(company.registry.tags)
    company.sources["validator"] = company.sources["validator"] + b"\0\x06\x04dateX"
    build(company.world(), root, compose=True)
    with pytest.raises(VersionExists, match=":0.1.0_raw is published already, with other content"):
        push(company.world(), root, company.bank_key)
    assert company.registry.tags == before
    push(company.world(), root, company.bank_key, force=True)
    assert company.registry.tags != before


def test_a_component_without_dependencies_is_published_once(company: Company) -> None:
    pushed = company.publish("harness")
    assert [(a.publication.tag, a.publication.record.kind) for a in pushed.artifacts] == [("0.1.0", "component")]


def test_build_metadata_becomes_an_underscore_in_the_tag(company: Company) -> None:
    pushed = company.publish("harness", "0.1.0+b1")
    assert [a.publication.tag for a in pushed.artifacts] == ["0.1.0_b1"]
    assert Version.from_tag("0.1.0_b1") == Version.parse("0.1.0+b1")


def test_what_is_not_built_or_out_of_date_is_not_published(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    with pytest.raises(LockOutOfDate, match="there is no lock file"):
        push(company.world(), root, company.bank_key)
    lock(company.world(), root)
    with pytest.raises(NotBuilt, match="there is no component at build/validator.wasm"):
        push(company.world(), root, company.bank_key)
    build(company.world(), root, compose=False)
    with pytest.raises(NotBuilt, match="is not what the project and its lock compose to now") as caught:
        push(company.world(), root, company.bank_key)
    assert caught.value.hint == "run 'wpkg build --compose' first"
    build(company.world(), root, compose=True)
    output = root / "build" / "validator.composed.wasm"
    output.write_bytes(output.read_bytes()[:-1] + b"!")
    with pytest.raises(NotBuilt):
        push(company.world(), root, company.bank_key)
    assert (company.repository("validator"), "0.1.0") not in company.registry.tags


def test_nothing_is_tagged_when_the_signature_cannot_be_read_back(company: Company) -> None:
    root = built(company)

    def forgets(repository: object, subject: object) -> list[Descriptor]:
        return []

    company.registry.list_referrers = forgets  # type: ignore[method-assign]
    with pytest.raises(NotReadBack, match="does not give it back; nothing was tagged"):
        push(company.world(), root, company.bank_key)
    assert (company.repository("validator"), "0.1.0") not in company.registry.tags


def test_an_interrupted_push_leaves_no_tag_and_can_be_repeated(company: Company) -> None:
    root = built(company)
    whole = company.registry.push_manifest
    calls = 0

    def breaks(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise UnexpectedAnswer("the registry answered with status 500")
        return whole(*arguments, **options)  # type: ignore[arg-type]

    company.registry.push_manifest = breaks  # type: ignore[method-assign, assignment]
    with pytest.raises(UnexpectedAnswer):
        push(company.world(), root, company.bank_key)
    assert not [tag for repository, tag in company.registry.tags if repository == company.repository("validator")]
    company.registry.push_manifest = whole  # type: ignore[method-assign]
    assert push(company.world(), root, company.bank_key).artifacts[1].was_there is False


def test_source_date_epoch_is_the_time_of_creation(company: Company) -> None:
    root = built(company)
    pushed = push(company.world(SOURCE_DATE_EPOCH="86400"), root, company.bank_key)
    artifact = pushed.artifacts[1].publication.artifact
    assert json.loads(artifact.config_bytes)["created"] == "1970-01-02T00:00:00Z"
    with pytest.raises(InvalidInput, match="SOURCE_DATE_EPOCH is 'now', not a number"):
        push(company.world(SOURCE_DATE_EPOCH="now"), root, company.bank_key)


def test_without_a_package_name_the_line_to_write_is_shown(company: Company) -> None:
    root = built(company)
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace('[package]\nname = "pay:validator"\n', ""))
    with pytest.raises(InvalidInput, match="package.name is missing") as caught:
        push(company.world(), root, company.bank_key)
    assert '[package]\nname = "namespace:validator"' in (caught.value.hint or "")


def test_the_layer_is_the_component_byte_for_byte(company: Company) -> None:
    root = built(company)
    pushed = push(company.world(), root, company.bank_key)
    repository = company.repository("validator")
    manifest = read_manifest(
        company.registry.manifests[repository, pushed.artifacts[1].publication.artifact.manifest.digest][1]
    )
    assert (
        company.registry.blobs[repository, wasm_layer(manifest).digest]
        == (root / "build" / "validator.composed.wasm").read_bytes()
    )
