"""The threats that wpkg defends against, each as an attack on a real registry, from the command line of its victim.

The attacker sits between wpkg and the registry, or writes to the registry, or publishes there. Each test bears the
number of its row in `THREATS`; that none is without a test is a test.
"""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import Reply, Request, corrupted, fault_proxy, longer, redirected
from tests.shim_process import running_shim
from tests.workflow.conftest import HARNESS, TRUST, Company, component
from tests.workflow.threat_scene import DEPENDS, NEEDS, Scene
from wpkg.errors import WpkgError
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, MAX_MANIFEST_SIZE, Index
from wpkg.oci.referrers import MAX_REFERRERS, referrers_tag
from wpkg.registry.cache import Cache
from wpkg.registry.client import MAX_LIST_SIZE, RegistryClient
from wpkg.trust.bundle import sign_statement
from wpkg.trust.statement import SLSA_PROVENANCE, Published, Statement, signature_statement
from wpkg.workflow.attach import published_as
from wpkg.workflow.build import build
from wpkg.workflow.push import push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wpkg.workflow.release import Release

THREATS = {
    1: "a tag moves between verification and use",
    2: "the registry serves other bytes for a digest",
    3: "the signature of another digest is copied onto this one",
    4: "the signature is stripped, the index deleted, the referrers API hidden",
    5: "an attestation is taken for a signature",
    6: "the right key, and another package or an old version as a new one",
    7: "the registry keeps serving an old, validly signed version",
    8: "a poisoned index of referrers",
    9: "endless and oversize answers",
    10: "a signature is lost to others who write at the same time",
    11: "a public namespace shadows a private one",
    12: "an unsigned input of a composed component",
    13: "a key is compromised or replaced",
    14: "JSON and base64 that mean two things",
    15: "a digest or a title that is a path",
    16: "redirects that carry credentials away, or lead into a network",
    17: "an error that hides the reason",
}
PACKAGE = "pay:harness@0.1.0"
COMPOSED = "pay:validator@0.1.0"
VERIFY = ("verify", PACKAGE)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shim(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def scene(
    tmp_path: Path, registry: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """pay:harness 0.1.0, signed by the platform; a project of the bank that may be locked."""
    for name, value in {"HOME": "home", "WPKG_CACHE_DIR": "victim", "DOCKER_CONFIG": "home"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("CI", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    place = re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")
    with fault_proxy(registry) as proxy:
        company = Company(tmp_path, RegistryClient(), f"{proxy.address}/{place}")  # type: ignore[arg-type]
        company.publish("harness")
        company.project("validator", extra=DEPENDS)
        yield Scene(company, proxy, capsys)


def test_every_threat_has_an_attack() -> None:
    attacks = {int(found[1]) for name in globals() if (found := re.match(r"test_(\d\d)_", name))}
    assert attacks == set(THREATS)


def test_the_victim_is_served_well_without_an_attack(scene: Scene) -> None:
    assert "verified" in scene.succeeds(*VERIFY)
    scene.succeeds("lock")
    scene.succeeds("fetch")


def test_01_a_tag_moves_between_verification_and_use(scene: Scene) -> None:
    """The attacker's component is under the tag from the second time on that the tag is asked for."""
    scene.company.sources["harness"] = component(HARNESS + " export spy: func();")
    evil = scene.company.publish("harness", "0.1.9", scene.company.stranger_key).artifacts[0].publication.artifact
    scene.proxy.on("GET|HEAD", "/manifests/0.1.0$", lambda _, forward: forward(), times=1)
    moved = Reply(200, {"Content-Type": IMAGE_MANIFEST}, evil.manifest_bytes)
    scene.proxy.on("GET|HEAD", "/manifests/0.1.0$", lambda _, __: moved)
    output = scene.folder / "pulled.wasm"
    scene.proxy.seen.clear()
    scene.succeeds("pull", PACKAGE, "-o", str(output))
    assert output.read_bytes() == component(HARNESS)
    assert len([r for r in scene.proxy.seen if r.path.endswith("/manifests/0.1.0")]) == 1


def test_01_a_tag_that_is_locked_moves(scene: Scene) -> None:
    scene.succeeds("lock")
    scene.company.publish("harness", "0.1.1")
    data = RegistryClient().fetch_manifest(scene.release(tag="0.1.1").reference).data
    scene.answer("/manifests/0.1.0$", data.replace(b"0.1.1", b"0.1.0"), IMAGE_MANIFEST)
    scene.fails(7, "pay:harness 0.1.0 is locked as sha256:.*, but .*/pay/harness:0.1.0 is now sha256:", "lock")


@pytest.mark.parametrize(
    ("attack", "sentence"),
    [(corrupted, "does not match its digest"), (longer, "is longer than the 1970 bytes its descriptor says")],
)
@pytest.mark.parametrize("command", ["verify", "pull", "fetch"])
def test_02_other_bytes_for_a_digest(
    scene: Scene, attack: Callable[[Request, Callable[[], Reply]], Reply], sentence: str, command: str
) -> None:
    output = scene.folder / "pulled.wasm"
    words = {"verify": VERIFY, "pull": ("pull", PACKAGE, "-o", str(output)), "fetch": ("fetch",)}[command]
    if command == "fetch":
        scene.succeeds("lock")
    component_digest = scene.release().component.digest
    scene.proxy.on("GET", f"/blobs/{component_digest}", attack)
    scene.fails(6, f"blob {component_digest} .* {sentence}", *words)
    assert not output.exists()
    assert Cache(scene.folder / "victim", lambda _: None).read(component_digest) is None


def test_02_another_manifest_for_a_digest(scene: Scene) -> None:
    release = scene.release()
    scene.proxy.on("GET", f"/manifests/{release.manifest.digest}", corrupted)
    scene.fails(6, "does not match its digest", "verify", str(release.reference))


def test_03_the_signature_of_another_digest(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1", unsigned=True)
    scene.attach(scene.release(tag="0.1.1"), scene.signature(scene.release()))
    scene.fails(5, "'platform' signed another artifact with it", "verify", "pay:harness@0.1.1")


@pytest.mark.parametrize("by", ["hiding the API", "emptying the list", "deleting"])
def test_04_a_stripped_signature(scene: Scene, by: str) -> None:
    scene.company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    scene.succeeds("lock")
    (scene.project / "wpkg.lock").rename(scene.folder / "kept.lock")
    if by == "emptying the list":
        scene.answer("/referrers/", Index(()).encode(), IMAGE_INDEX)
    elif by == "hiding the API":
        scene.proxy.on("GET", "/referrers/|/manifests/sha256-", lambda _, __: Reply(404))
    else:
        scene.proxy.on("GET", "/manifests/sha256:|/blobs/", lambda r, f: _gone_if_bundle(f()))
    scene.company.project("validator", extra=DEPENDS)
    deleted = "is not trusted, 0 of 1 signatures count: .* its bundle could not be fetched"
    scene.fails(5, deleted if by == "deleting" else "pay:harness 0.1.0 .* is not signed\n", *VERIFY)
    (scene.folder / "kept.lock").rename(scene.project / "wpkg.lock")
    scene.company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    scene.fails(
        5, "pay:harness 0.1.0 has no signature.*and pay:harness 0.1.0 was signed when it was locked", "lock"
    )


def _gone_if_bundle(reply: Reply) -> Reply:
    return Reply(404) if b"dsseEnvelope" in reply.body else reply


def test_05_an_attestation_is_no_signature(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1", unsigned=True)
    release = scene.release(tag="0.1.1")
    statement = Statement(published_as(release).subjects, SLSA_PROVENANCE, {})
    scene.attach(release, sign_statement(scene.company.platform_key, statement))
    scene.fails(5, "an attestation by 'platform', which is not a signature", "verify", "pay:harness@0.1.1")


def publish_without_record(scene: Scene, tag: str, package: str, version: str) -> Release:
    """A component as other tools publish it; it is `package` `version` only in what the platform signs."""
    repository, data = scene.company.repository("harness"), component(HARNESS)
    layer = Descriptor.of(WASM_LAYER, data, {"org.opencontainers.image.title": "harness.wasm"})
    artifact = build_artifact(layer, WasmConfig(None, (), ()), [("other", tag)])
    client = RegistryClient()
    client.push_blob(repository, layer, lambda: io.BytesIO(data))
    client.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    client.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, tag)
    release = scene.release(tag=tag)
    signed = Published(
        repository,
        release.manifest.digest,
        "harness.wasm",
        layer.digest,
        PackageName.parse(package),
        Version.parse(version),
        "component",
    )
    scene.attach(release, sign_statement(scene.company.platform_key, signature_statement(signed)))
    return release


@pytest.mark.parametrize(
    ("signed", "sentence"),
    [
        (("pay:auth", "0.2.0"), "'platform' signed it with dev.wpkg.package 'pay:auth', not 'pay:harness'"),
        (("pay:harness", "0.1.0"), "'platform' signed it with dev.wpkg.version '0.1.0', not '0.2.0'"),
    ],
)
def test_06_another_package_or_an_old_version(scene: Scene, signed: tuple[str, str], sentence: str) -> None:
    publish_without_record(scene, "0.2.0", *signed)
    scene.fails(5, sentence, "verify", "pay:harness@0.2.0")


def test_06_an_old_version_under_a_new_tag(scene: Scene) -> None:
    scene.retag(scene.release(), "0.2.0")
    scene.fails(6, "says that it is pay:harness 0.1.0, not pay:harness 0.2.0", "verify", "pay:harness@0.2.0")


def test_06_a_lower_version_than_the_locked_one(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1")
    scene.succeeds("lock")
    tags = json.dumps({"name": "x", "tags": ["0.1.0"]}).encode()
    scene.answer("/tags/list", tags, "application/json")
    scene.fails(7, "0.1.1 is locked, and the registry has nothing newer than 0.1.0", "update")


def test_07_a_registry_that_is_frozen_is_noticed_only_by_a_lock(scene: Scene) -> None:
    """Without a lock nothing can tell; the page on trust says so. With one, what was newer is missed."""
    scene.company.publish("harness", "0.1.1")
    scene.answer("/tags/list", json.dumps({"name": "x", "tags": ["0.1.0"]}).encode(), "application/json")
    scene.proxy.on("GET|HEAD", "/manifests/0.1.1$", lambda _, __: Reply(404))
    scene.succeeds("lock")
    assert "0.1.1" not in (scene.project / "wpkg.lock").read_text()
    scene.proxy.forget_rules()
    scene.succeeds("update")
    scene.answer("/tags/list", json.dumps({"name": "x", "tags": ["0.1.0"]}).encode(), "application/json")
    scene.proxy.on("GET|HEAD", "/manifests/0.1.1$", lambda _, __: Reply(404))
    scene.fails(6, "pay:harness 0.1.1 is locked, and .* has no tag 0.1.1 any more", "lock")


@pytest.mark.parametrize("poison", ["foreign", "too many", "an image manifest", "the subject itself", "nonsense"])
def test_08_a_poisoned_index(scene: Scene, poison: str) -> None:
    scene.without_referrers_api()
    scene.company.publish("harness", "0.1.1", unsigned=True)
    release, other = scene.release(tag="0.1.1"), scene.release()
    scene.attach(release, scene.signature(release))
    scene.succeeds("verify", "pay:harness@0.1.1")
    client, repository = RegistryClient(), release.reference.repository
    index = f"/manifests/{referrers_tag(release.manifest.digest)}"
    good = client.list_referrers(repository, release.manifest.digest)
    scene.attach(other, scene.signature(other))
    foreign = client.list_referrers(repository, other.manifest.digest)
    one_too_many = [replace_digest(good[0], number) for number in range(MAX_REFERRERS)]
    data, media_type, code, sentence = {
        "foreign": (Index(tuple(foreign)).encode(), IMAGE_INDEX, 5, "its manifest refers to another artifact"),
        "too many": (
            Index((*good, *one_too_many)).encode(),
            IMAGE_INDEX,
            6,
            f"there are more than {MAX_REFERRERS}, which is more than can be looked at",
        ),
        "an image manifest": (
            client.fetch_manifest(other.reference).data,
            IMAGE_MANIFEST,
            5,
            "pay:harness 0.1.1 .* is not signed\n",
        ),
        "the subject itself": (
            client.fetch_manifest(release.reference).data,
            IMAGE_MANIFEST,
            5,
            "0.1.1 .* is not signed\n",
        ),
        "nonsense": (b'{"manifests": 1}', IMAGE_INDEX, 6, "manifest .*:sha256-.*: manifests is not an array"),
    }[poison]
    scene.answer(index, data, media_type)
    scene.fails(code, sentence, "verify", "pay:harness@0.1.1")


def replace_digest(entry: Descriptor, number: int) -> Descriptor:
    """An entry that leads nowhere."""
    return Descriptor.of(entry.media_type, str(number).encode())


def test_08_bad_entries_do_not_hide_a_good_one(scene: Scene) -> None:
    scene.without_referrers_api()
    release = scene.release()
    scene.attach(release, scene.signature(release))
    good = RegistryClient().list_referrers(release.reference.repository, release.manifest.digest)
    bad = [replace_digest(good[0], number) for number in range(MAX_REFERRERS - len(good))]
    entries = Index((*bad, *good)).encode()
    scene.answer(f"/manifests/{referrers_tag(release.manifest.digest)}", entries, IMAGE_INDEX)
    assert "verified" in scene.succeeds(*VERIFY)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("/manifests/0.1.0$", f"the answer is longer than {MAX_MANIFEST_SIZE} bytes"),
        ("/referrers/", f"the answer is longer than {MAX_LIST_SIZE} bytes"),
        ("/tags/list", f"the answer is longer than {MAX_LIST_SIZE} bytes"),
    ],
)
def test_09_an_answer_without_end(scene: Scene, what: str, sentence: str) -> None:
    endless = b" " * (MAX_LIST_SIZE + 1)
    scene.answer(what, endless, IMAGE_INDEX if "referrers" in what else IMAGE_MANIFEST)
    scene.fails(6, sentence, *(("lock",) if "tags" in what else VERIFY))


def test_09_pages_without_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wpkg.registry.client.MAX_PAGES", 20)  # the limit itself: tests/contract/test_liars.py

    def next_page(request: Request, _: Callable[[], Reply]) -> Reply:
        number = int(request.path.rpartition("=")[2]) if "last=" in request.path else 0
        path = request.path.partition("?")[0]
        headers = {"Link": f'<{path}?last={number + 1}>; rel="next"', "Content-Type": IMAGE_INDEX}
        return Reply(200, headers, Index(()).encode())

    scene.proxy.on("GET", "/referrers/", next_page)
    scene.fails(6, "there are more than 20 pages", *VERIFY)


def test_10_a_signature_that_others_keep_overwriting(scene: Scene) -> None:
    scene.without_referrers_api()
    scene.proxy.on("PUT", "/manifests/sha256-[0-9a-f]{64}$", _pretend_to_store, first=True)
    root = scene.company.project("harness", "0.2.0")
    build(scene.company.world("platform"), root, compose=False)
    with pytest.raises(WpkgError, match="others keep overwriting it") as caught:
        push(scene.company.world("platform"), root, scene.company.platform_key)
    assert caught.value.exit_code == 6
    assert "0.2.0" not in RegistryClient().list_tags(scene.company.repository("harness"))


def _pretend_to_store(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Another writer's index is there again right after."""
    return Reply(201)


def test_10_a_signature_that_is_not_given_back(scene: Scene) -> None:
    root = scene.company.project("harness", "0.2.0")
    build(scene.company.world("platform"), root, compose=False)
    scene.answer("/referrers/", Index(()).encode(), IMAGE_INDEX)
    with pytest.raises(
        WpkgError, match="took what was signed .* and does not give it back; nothing was tagged"
    ) as caught:
        push(scene.company.world("platform"), root, scene.company.platform_key)
    assert caught.value.exit_code == 6
    assert "0.2.0" not in RegistryClient().list_tags(scene.company.repository("harness"))


def test_11_a_namespace_that_comes_from_elsewhere(scene: Scene) -> None:
    """The bank's namespace is bound to its own registry; another that has the package is configured."""
    with fault_proxy(None) as own:
        bound = TRUST.replace("version = 1", f'version = 1\nnamespaces = {{ pay = "{own.address}/pay" }}')
        scene.company.project("validator", extra=bound + NEEDS)
        scene.fails(5, f"packages of 'pay' come from {own.address}/pay only", "lock")
        scene.fails(5, f"packages of 'pay' come from {own.address}/pay only", *VERIFY)


def test_11_what_the_own_registry_does_not_have_is_not_looked_for_elsewhere(scene: Scene) -> None:
    with fault_proxy(None) as own:
        file = scene.project / "wasmcloud.toml"
        prefix = f'pay = "{scene.company.address}/demo"'
        assert prefix in file.read_text()
        file.write_text(
            file.read_text().replace(prefix, f'pay = "{own.address}/demo"\nother = "{scene.company.address}/demo"')
        )
        scene.proxy.seen.clear()
        scene.fails(6, f"pay:harness is not in the registry: there is no repository {own.address}/demo", "lock")
        assert own.seen
        assert scene.proxy.seen == []


def test_12_an_unsigned_input(scene: Scene) -> None:
    company = scene.company
    company.publish("harness", "0.1.2", unsigned=True)
    root = company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    key = str(company.key_file(company.bank_key, "bank.pub"))
    scene.succeeds("verify", COMPOSED, "--key", key)
    scene.fails(
        5,
        "what it was composed of: pay:harness@0.1.2 .* is not signed",
        "verify",
        COMPOSED,
        "--key",
        key,
        "--inputs",
    )


def test_13_a_key_that_is_revoked_counts_for_nothing_not_even_for_what_is_locked(scene: Scene) -> None:
    scene.succeeds("lock")
    scene.succeeds("fetch")
    scene.company.project("validator", extra=DEPENDS.replace('platform.pub"', 'platform.pub"\nrevoked = true'))
    for words in (VERIFY, ("lock",), ("pull", PACKAGE, "-o", str(scene.folder / "x.wasm"))):
        scene.fails(5, "it is signed by 'platform', whose key is revoked", *words)
    assert not (scene.folder / "x.wasm").exists()


def test_13_a_key_that_has_expired_makes_nothing_new_trusted(scene: Scene) -> None:
    scene.succeeds("lock")
    scene.company.project(
        "validator", extra=DEPENDS.replace('platform.pub"', 'platform.pub"\nexpires = 2020-01-31')
    )
    scene.succeeds("lock")
    (scene.project / "wpkg.lock").unlink()
    scene.fails(5, "'platform', whose key has expired on 2020-01-31", "lock")


def test_13_another_key_than_the_locked_one(scene: Scene) -> None:
    scene.succeeds("lock")
    release = scene.release()
    scene.attach(release, scene.signature(release, scene.company.stranger_key))
    scene.company.project("validator", extra=DEPENDS)
    (scene.project / "platform.pub").write_bytes(scene.company.stranger_key.public.pem)
    scene.fails(5, "is signed by the key .*, and pay:harness 0.1.0 was locked with a signature by the key", "lock")


def _spaced_base64(text: str) -> str:
    payload = json.loads(text)["dsseEnvelope"]["payload"]
    return text.replace(payload, payload[:8] + "\\n" + payload[8:])


@pytest.mark.parametrize(
    ("trick", "sentence"),
    [
        (lambda text: text.replace("{", '{"mediaType":"x",', 1), "the member 'mediaType' occurs twice"),
        (lambda text: text + "{}", "the bundle is malformed: the document is not JSON: Extra data"),
        (lambda text: text.replace("{", '{"x":NaN,', 1), "the bundle is malformed: NaN is not JSON"),
        (lambda text: text.replace("{", '{"x":' + "9" * 5000 + ",", 1), "an integer has too many digits"),
        (lambda text: "[" * 100_000, "the document is nested too deeply"),
        (_spaced_base64, "payload or signature of the envelope is malformed: it is not base64"),
    ],
    ids=["twice", "trailing", "NaN", "huge", "deep", "base64"],
)
def test_14_a_bundle_that_means_two_things(scene: Scene, trick: Callable[[str], str], sentence: str) -> None:
    scene.company.publish("harness", "0.1.1", unsigned=True)
    release = scene.release(tag="0.1.1")
    text = scene.signature(release).decode()
    assert trick(text) != text
    scene.attach(release, trick(text).encode())
    scene.fails(5, f"is not trusted, 0 of 1 signatures count: .*{sentence}", "verify", "pay:harness@0.1.1")


def test_15_a_digest_that_is_a_path(scene: Scene) -> None:
    release = scene.release()
    data = RegistryClient().fetch_manifest(release.reference).data
    digest = str(release.component.digest).encode()
    for evil in (b"sha256:../../../../etc/passwd", digest.replace(b"sha256:", b"sha256:../"), digest + b"\\n"):
        scene.proxy.forget_rules()
        scene.answer("/manifests/0.1.0$", data.replace(digest, evil), IMAGE_MANIFEST)
        scene.proxy.seen.clear()
        scene.fails(6, "' is not a sha256 or sha512 digest\n", *VERIFY)
        assert not scene.proxy.asked("GET", r"/blobs/.*\.\.")


def test_15_a_title_that_is_a_path_is_not_followed(scene: Scene) -> None:
    repository, data = scene.company.repository("harness"), component(HARNESS)
    layer = Descriptor.of(WASM_LAYER, data, {"org.opencontainers.image.title": "../../evil.wasm"})
    record = PackageRecord(PackageName.parse("pay:harness"), Version.parse("0.3.0"), "component")
    artifact = build_artifact(layer, WasmConfig(record, (), ()))
    client = RegistryClient()
    client.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    client.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, "0.3.0")
    release = scene.release(tag="0.3.0")
    scene.attach(release, scene.signature(release))
    scene.succeeds("pull", "pay:harness@0.3.0")
    assert (scene.project / "harness.wasm").read_bytes() == data
    assert not list(scene.folder.rglob("evil*"))


def test_16_a_redirect_takes_no_credentials_to_another_host(scene: Scene) -> None:
    registry = scene.proxy.address
    secret = base64.b64encode(b"bank:correct-horse").decode()
    (scene.folder / "home").mkdir()
    (scene.folder / "home" / "config.json").write_text(json.dumps({"auths": {registry: {"auth": secret}}}))

    def guarded(request: Request, forward: Callable[[], Reply]) -> Reply:
        if request.authorization == f"Basic {secret}":
            return (
                redirected(f"http://{other.address}")(request, forward) if "/blobs/" in request.path else forward()
            )
        return Reply(401, {"WWW-Authenticate": 'Basic realm="x"'})

    with fault_proxy(scene.proxy._upstream) as other:
        scene.proxy.on("GET|HEAD", "/", guarded)
        scene.succeeds(*VERIFY)
        assert other.asked("GET", "/blobs/")
        assert all(request.authorization is None for request in other.seen)
        assert any(request.authorization for request in scene.proxy.seen)


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "[fd00::1]"])
def test_16_a_redirect_into_a_network(scene: Scene, address: str) -> None:
    scene.proxy.on("GET", "/blobs/", redirected(f"http://{address}"))
    host = address.strip("[]")
    scene.fails(6, f"the registry redirects to {host}, an address inside a network", *VERIFY)


def test_17_each_state_has_a_name_a_code_and_every_reason(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1", unsigned=True)
    scene.company.publish("harness", "0.1.2", unsigned=True)
    release, other = scene.release(tag="0.1.2"), scene.release()
    scene.attach(release, scene.signature(release, scene.company.stranger_key))
    scene.attach(release, scene.signature(other))
    assert '"verified"' in scene.succeeds(*VERIFY, "--json")
    scene.fails(5, '"code": ?"not-signed"', "verify", "pay:harness@0.1.1", "--json")
    code, said = scene.wpkg("verify", "pay:harness@0.1.2", "--json")
    assert code == 5
    for reason in (
        '"signature-invalid"',
        "0 of 1 signatures count",
        "it is signed by a key that the rule does not name",
        "'platform' signed another artifact with it",
    ):
        assert reason in said, said
    scene.proxy.on("GET", "/referrers/", lambda _, __: Reply(500))
    scene.fails(6, "referrers of .*: the registry answered with status 500", *VERIFY)
