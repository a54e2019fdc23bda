from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.world import offline
from tests.workflow.conftest import TRUST
from wpkg.errors import InvalidInput, LockOutOfDate, NoSolution, NotTrusted
from wpkg.oci.reference import Repository
from wpkg.project.edit import DependencyLine
from wpkg.project.lockfile import read_lock
from wpkg.registry.errors import NotFound, Offline
from wpkg.trust.verification import NotSigned, SignatureInvalid
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.lock import lock
from wpkg.workflow.published import TagMoved
from wpkg.workflow.trusting import SignatureDisappeared

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.iterdir() if path.name.startswith("w")}


def wanted(text: str) -> list[Wanted]:
    return [Wanted.parse(text)]


def test_add_writes_the_requirement_the_pin_and_the_signer(company: Company) -> None:
    pushed = company.publish("harness")
    root = company.project("validator", extra=TRUST)
    outcome = add(company.world(), root, wanted("pay:harness@^0.1"))
    pin = outcome.lock.packages[0]
    assert (str(pin.name), str(pin.version), pin.kind, pin.tag) == ("pay:harness", "0.1.0", "component", "0.1.0")
    assert pin.manifest == pushed.artifacts[0].publication.artifact.manifest.digest
    assert pin.signers == (company.platform_key.public.hint,)
    assert '"pay:harness" = "^0.1"' in (root / "wasmcloud.toml").read_text()
    assert read_lock((root / "wpkg.lock").read_text()) == outcome.lock
    assert company.world().cache.read(pin.component) is not None


def test_add_without_a_requirement_takes_the_newest_version(company: Company) -> None:
    for version in ("0.1.0", "0.2.0", "0.3.0-rc.1"):
        company.publish("harness", version)
    root = company.project("validator")
    add(company.world(), root, wanted("pay:harness"))
    assert '"pay:harness" = "^0.2.0"' in (root / "wasmcloud.toml").read_text()


def test_resolving_looks_at_manifests_and_configs_only(company: Company) -> None:
    for version in ("0.1.0", "0.1.1", "0.2.0"):
        company.publish("harness", version)
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    company.registry.requests.clear()
    lock(company.world("fresh"), root)
    assert [method for method, _ in company.registry.requests] == ["list_tags", "fetch_manifest", "fetch_blob"]


def test_locking_twice_gives_the_same_bytes(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    lock(company.world(), root)
    first = (root / "wpkg.lock").read_bytes()
    assert lock(company.world(), root).changes == ()
    assert (root / "wpkg.lock").read_bytes() == first
    (root / "wpkg.lock").unlink()
    lock(company.world("somebody-else"), root)
    assert (root / "wpkg.lock").read_bytes() == first


def test_a_pin_stays_when_a_newer_version_appears(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    lock(company.world(), root)
    company.publish("harness", "0.1.1")
    assert lock(company.world(), root).changes == ()


@pytest.mark.parametrize(
    ("package", "error", "said"),
    [
        (
            "pay:nobody@1",
            NotFound,
            "pay:nobody is not in the registry: there is no repository 127.0.0.1:5000/demo/pay",
        ),
        (
            "pay:harness@^2",
            NoSolution,
            r"no version of pay:harness fits: the project requires \^2 \(published: 0.1.0\)",
        ),
        ("other:x@1", InvalidInput, "no registry is configured for the namespace 'other'"),
        ("pay:stranger@1", NotTrusted, "signed by a key that the rule does not name"),
        ("pay:unsigned@1", NotSigned, "is not signed"),
    ],
)
def test_when_add_fails_both_files_are_as_they_were(
    company: Company, package: str, error: type[Exception], said: str
) -> None:
    company.publish("harness")
    company.sources["stranger"] = company.sources["unsigned"] = company.sources["harness"]
    company.publish("stranger", "1.0.0", company.stranger_key)
    company.publish("unsigned", "1.0.0", unsigned=True)
    root = company.project("validator", extra=TRUST)
    add(company.world(), root, wanted("pay:harness@^0.1"))
    before = files(root)
    with pytest.raises(error, match=said):
        add(company.world(), root, wanted(package))
    assert files(root) == before


def test_check_asks_nobody_and_fails_when_the_lock_does_not_fit(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    nobody = offline(company.world())
    with pytest.raises(LockOutOfDate, match="there is no lock file"):
        lock(nobody, root, check=True)
    lock(company.world(), root)
    assert lock(nobody, root, check=True).changes == ()
    for extra, said in (
        ('[dependencies]\n"pay:harness" = "^0.2"\n', "pins pay:harness 0.1.0, which is not \\^0.2"),
        ('[dependencies]\n"pay:harness" = "^0.1"\n"pay:other" = "1"\n', "does not pin pay:other"),
        ("", "nothing needs pay:harness"),
        ('[dependencies]\n"pay:harness" = { version = "^0.1", oci = "x.io/y" }\n', "the project file says x.io/y"),
    ):
        company.project("validator", extra=extra)
        with pytest.raises(LockOutOfDate, match=said):
            lock(nobody, root, check=True)


def test_offline_says_what_is_missing(company: Company) -> None:
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    with pytest.raises(
        Offline, match="the list of versions in 127.0.0.1:5000/demo/pay/harness is not in the cache"
    ):
        lock(offline(company.world()), root)


def test_a_tag_that_moved_is_an_error_of_its_own(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    lock(company.world(), root)
    before = files(root)
    company.sources["other"] = company.sources["validator"]
    other = company.publish("other", "0.1.0")
    moved = other.artifacts[0].publication.artifact
    repository = company.repository("harness")
    company.registry.push_manifest(repository, moved.manifest_bytes, moved.manifest.media_type, "0.1.0")
    company.registry.blobs.update(
        {
            (repository, d.digest): company.registry.blobs[company.repository("other"), d.digest]
            for d in (moved.config, moved.component)
        }
    )
    with pytest.raises(TagMoved, match="pay:harness 0.1.0 is locked as sha256:.*, but .* is now sha256:"):
        lock(company.world(), root)
    assert files(root) == before


def test_a_signature_that_disappeared_is_an_error_of_its_own(company: Company) -> None:
    company.publish("harness")
    allow = TRUST + 'unsigned = "allow"\n[dependencies]\n"pay:harness" = "^0.1"\n'
    root = company.project("validator", extra=allow)
    lock(company.world(), root)
    for key, (_, data) in list(company.registry.manifests.items()):
        if b'"subject"' in data:
            del company.registry.manifests[key]
    with pytest.raises(
        SignatureDisappeared,
        match="pay:harness 0.1.0 has no signature, and pay:harness 0.1.0 was signed when it was locked",
    ):
        lock(company.world(), root)


def test_an_artifact_of_another_package_under_the_name_is_refused(company: Company) -> None:
    """The right key, the wrong package: what was signed as pay:other is not taken for pay:harness."""
    company.sources["other"] = company.sources["harness"]
    company.publish("other")
    theirs, ours = company.repository("other"), company.repository("harness")
    for (repository, digest), value in list(company.registry.manifests.items()):
        if repository == theirs:
            company.registry.manifests[ours, digest] = value
    for (repository, digest), data in list(company.registry.blobs.items()):
        if repository == theirs:
            company.registry.blobs[ours, digest] = data
    company.registry.tags[ours, "0.1.0"] = company.registry.tags[theirs, "0.1.0"]
    root = company.project("validator", extra=TRUST)
    with pytest.raises(Exception, match="says that it is pay:other 0.1.0, not pay:harness 0.1.0"):
        add(company.world(), root, wanted("pay:harness@^0.1"))


def test_a_signature_copied_from_another_version_does_not_count(company: Company) -> None:
    company.publish("harness", "0.1.0")
    company.publish("harness", "0.1.1", unsigned=True)
    repository = company.repository("harness")
    old, new = (company.registry.tags[repository, tag] for tag in ("0.1.0", "0.1.1"))
    for (_, _), (media_type, data) in list(company.registry.manifests.items()):
        if str(old).encode() in data and b'"subject"' in data:
            size_old, size_new = (len(company.registry.manifests[repository, d][1]) for d in (old, new))
            copied = data.replace(str(old).encode(), str(new).encode()).replace(
                f'"size":{size_old}'.encode(), f'"size":{size_new}'.encode()
            )
            company.registry.push_manifest(repository, copied, media_type)
    root = company.project("validator", extra=TRUST)
    with pytest.raises(SignatureInvalid, match="'platform' signed another artifact with it"):
        add(company.world(), root, wanted("pay:harness@=0.1.1"))


def test_an_explicit_repository_is_kept_in_the_project_file(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator")
    text = (root / "wasmcloud.toml").read_text().replace('pay = "127.0.0.1:5000/demo"', 'pay = "elsewhere.io"')
    (root / "wasmcloud.toml").write_text(text)
    add(
        company.world(),
        root,
        wanted("pay:harness@^0.1"),
        DependencyLine(Repository.parse("127.0.0.1:5000/demo/pay/harness")),
    )
    assert 'oci = "127.0.0.1:5000/demo/pay/harness"' in (root / "wasmcloud.toml").read_text()


def test_a_namespace_never_falls_through_to_the_default_registry(company: Company) -> None:
    company.publish("harness")
    root = company.project("validator")
    text = (root / "wasmcloud.toml").read_text()
    (root / "wasmcloud.toml").write_text(
        text.replace('pay = "127.0.0.1:5000/demo"', 'pay = "private.io"\ndefault = "127.0.0.1:5000/demo"')
    )
    with pytest.raises(NotFound, match="there is no repository private.io/pay/harness"):
        add(company.world(), root, wanted("pay:harness@^0.1"))


def test_the_same_name_and_version_in_another_registry_is_another_package(company: Company) -> None:
    """wkg's cache knows packages by name and version: it installs the old registry's bytes."""
    company.publish("harness")
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    first = lock(company.world(), root).lock.packages[0]
    company.sources["harness"] = company.sources["validator"]
    company.address = "127.0.0.1:6000"
    company.publish("harness")
    company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    (root / "wpkg.lock").unlink()
    second = add(company.world(), root, wanted("pay:harness@^0.1")).lock.packages[0]
    assert (second.pin, str(second.source)) == (first.pin, "127.0.0.1:6000/demo/pay/harness")
    assert second.component != first.component
    kept = company.world().cache.read(second.component)
    assert kept == company.sources["validator"]


def test_everything_locked_and_in_the_cache_needs_no_network(company: Company) -> None:
    """wkg lists tags even then."""
    company.publish("harness")
    root = company.project("validator")
    add(company.world(), root, wanted("pay:harness@^0.1"))
    nobody = offline(company.world())
    assert lock(nobody, root, check=True).changes == ()
    assert lock(nobody, root, look_again=False).changes == ()
    assert build(nobody, root, compose=True).composed is not None
