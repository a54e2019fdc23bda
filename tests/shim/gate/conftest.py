"""A gate over a store on disk, with keys, and things that were signed well and badly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import pytest

from registry_shim.gate.gate import Gate
from registry_shim.gate.policy_file import PolicyFile
from registry_shim.gate.waiting import WAITING_FILE, WaitingTags
from registry_shim.protocol.registry import Registry
from tests.fakes.world import Chance
from tests.shim.wire import InProcessClient, Pushed, push_blob, put
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import PackageRecord, WasmConfig, build_artifact, wasm_layer
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST, Manifest, read_manifest
from wpkg.oci.reference import Repository
from wpkg.trust.bundle import build_bundle_referrer, sign_statement
from wpkg.trust.keys import PrivateKey
from wpkg.trust.statement import Published, signature_statement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request, Response
    from registry_shim.store.store import Store
    from tests.shim.wire import Client

REGISTRY = "registry.test"
REPOSITORY = "acme/app"
POLICY = """
[trust]
version = 1
[trust.keys.acme]
path = "acme.pub"
[trust.keys.deputy]
path = "deputy.pub"
[[trust.rule]]
match = "registry.test/**"
signers = ["acme", "deputy"]
[[trust.rule]]
match = "registry.test/open/**"
unsigned = "allow"
[[trust.rule]]
match = "registry.test/both/**"
signers = ["acme", "deputy"]
threshold = 2
"""
KEYS = {name: PrivateKey.generate(Chance(name)) for name in ("acme", "deputy", "stranger")}


def write_policy(folder: Path, text: str = POLICY) -> Path:
    for name, key in KEYS.items():
        (folder / f"{name}.pub").write_bytes(key.public.pem)
    (folder / "policy.toml").write_text(text)
    return folder / "policy.toml"


@dataclass
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def component(
    client: Client, repository: str = REPOSITORY, version: str = "1.0.0", kind: str = "component"
) -> Pushed:
    """A manifest that is not pushed yet, whose blobs are; they are not what a component is made of."""
    wasm = push_blob(client, repository, f"component {version} {kind}".encode())
    layer = Descriptor("application/wasm", wasm.digest, wasm.size, {"org.opencontainers.image.title": "app.wasm"})
    record = PackageRecord(PackageName.parse("acme:app"), Version.parse(version), kind)
    artifact = build_artifact(layer, WasmConfig(record, (), ("run",)))
    push_blob(client, repository, artifact.config_bytes)
    return Pushed(artifact.manifest_bytes, IMAGE_MANIFEST)


def signature(
    about: Pushed, key: str = "acme", version: str = "1.0.0", kind: str = "component"
) -> tuple[Manifest, bytes]:
    """The referrer by which `key` signs `about`, and its bundle."""
    published = Published(
        Repository(REGISTRY, REPOSITORY),
        about.descriptor.digest,
        "app.wasm",
        wasm_layer(read_manifest(about.data)).digest,
        PackageName.parse("acme:app"),
        Version.parse(version),
        kind,
    )
    bundle = sign_statement(KEYS[key], signature_statement(published))
    return build_bundle_referrer(about.descriptor, bundle, "https://sigstore.dev/cosign/sign/v1"), bundle


def attach(client: Client, repository: str, referrer: Manifest, bundle: bytes) -> str:
    """Push a signature; its digest."""
    push_blob(client, repository, b"{}")
    push_blob(client, repository, bundle)
    data = referrer.encode()
    answer = put(client, repository, str(Digest.of(data)), data)
    assert (answer.status, answer.headers["oci-subject"]) == (
        201,
        str(referrer.subject and referrer.subject.digest),
    )
    return str(Digest.of(data))


def sign(
    client: Client, about: Pushed, key: str = "acme", repository: str = REPOSITORY, version: str = "1.0.0"
) -> str:
    return attach(client, repository, *signature(about, key, version))


class Counting:
    """A service that counts what it is asked, and can be made to fail."""

    def __init__(self, store: Store) -> None:
        self._registry = Registry(store)
        self.asked: list[str] = []
        self.broken: dict[str, Response | Intake] = {}  # part of a path -> the answer instead
        self.after: Callable[[str], None] | None = None  # what happens once a request is answered

    def begin(self, request: Request) -> Response | Intake:
        self.asked.append(f"{request.method} {request.path}")
        for part, response in self.broken.items():
            if part in request.path:
                return response
        response = self._registry.begin(request)
        if self.after is not None:
            self.after(self.asked[-1])
        return response

    def is_immediate(self, request: Request) -> bool:
        return self._registry.is_immediate(request)


@dataclass
class Guarded:
    """A client of a gate, and what is behind it."""

    store: Store
    folder: Path
    clock: Clock = field(default_factory=Clock)
    today: date = date(2026, 11, 26)

    def __post_init__(self) -> None:
        self.policy = PolicyFile(write_policy(self.folder))
        self.behind = Counting(self.store)
        self.restart()

    def restart(self) -> None:
        """A new gate over the same root, as after a crash."""
        waiting = WaitingTags(self.folder / "root" / WAITING_FILE)
        self.gate = Gate(self.behind, self.policy, waiting, REGISTRY, self.clock, lambda: self.today)
        self.client = InProcessClient(self.store, str(self.folder), self.gate)

    def get(self, tag: str, repository: str = REPOSITORY, method: str = "GET") -> tuple[int, str]:
        """The status for a tag, and the digest or the reason of the refusal."""
        answer = self.client.send(method, f"/v2/{repository}/manifests/{tag}")
        if answer.status == 200:
            return 200, answer.headers["docker-content-digest"]
        if method == "HEAD":
            return answer.status, answer.headers.get("warning", "")
        assert answer.status == 404 or answer.code == "DENIED"
        return answer.status, str(answer.json["errors"][0].get("detail", {}).get("reason", answer.code))

    def tags(self, repository: str = REPOSITORY) -> list[str]:
        tags: list[str] = self.client.send("GET", f"/v2/{repository}/tags/list").json["tags"]
        return tags


@pytest.fixture
def guarded(store: Store, tmp_path: Path) -> Guarded:
    return Guarded(store, tmp_path)
