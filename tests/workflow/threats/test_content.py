"""Attacks on bytes: what is fetched, from where, and what it means."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import Reply, Request, corrupted, fault_proxy, longer, redirected
from tests.workflow.conftest import HARNESS, component
from tests.workflow.threats.scene import PACKAGE, VERIFY, Scene
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, MAX_MANIFEST_SIZE, Index
from wpkg.registry.bodies import MAX_LIST_SIZE
from wpkg.registry.cache import Cache
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Callable


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
