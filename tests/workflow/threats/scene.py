"""What every attack needs: a registry that is real, an attacker in front of it, and a user at the command line."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.fakes.fault_proxy import FaultProxy, Reply, Request
from tests.workflow.conftest import TRUST, Company
from wpkg.cli.main import run
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES
from wpkg.registry.client import RegistryClient
from wpkg.trust.bundle import BUNDLE_V03, build_bundle_referrer, sign_statement
from wpkg.trust.statement import COSIGN_SIGN, signature_statement
from wpkg.workflow.attach import published_as
from wpkg.workflow.release import Release, fetch_release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from wpkg.trust.keys import PrivateKey

NEEDS = '[dependencies]\n"pay:harness" = "^0.1"\n'
DEPENDS = TRUST + NEEDS
PACKAGE = "pay:harness@0.1.0"
COMPOSED = "pay:validator@0.1.0"
VERIFY = ("verify", PACKAGE)


@dataclass
class Scene:
    """A platform that publishes `pay:harness`, and a bank whose project needs it."""

    company: Company
    proxy: FaultProxy
    capsys: pytest.CaptureFixture[str]

    @property
    def folder(self) -> Path:
        return self.company.folder

    @property
    def project(self) -> Path:
        return self.folder / "projects" / "validator"

    def wpkg(self, *words: str) -> tuple[int, str]:
        """Exit code, and both streams, of one command of the bank."""
        self.capsys.readouterr()
        code = run([*words, "-C", str(self.project)])
        said = self.capsys.readouterr()
        return code, said.out + said.err

    def succeeds(self, *words: str) -> str:
        code, said = self.wpkg(*words)
        assert code == 0, said
        return said

    def fails(self, code: int, sentence: str, *words: str) -> None:
        """It ends with `code`, says `sentence`, and has changed nothing in the project."""
        before = self._files()
        ended, said = self.wpkg(*words)
        assert ended == code, said
        assert re.search(sentence, said), said
        assert "Traceback" not in said
        assert self._files() == before

    def _files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.project)): path.read_bytes()
            for path in self.project.rglob("*")
            if path.is_file()
        }

    def release(self, name: str = "harness", tag: str = "0.1.0") -> Release:
        """What the registry has, as the attacker sees it, who has a cache of their own."""
        return fetch_release(self.company.world("attacker"), self.company.repository(name).at(tag=tag))

    def signature(self, release: Release, key: PrivateKey | None = None) -> bytes:
        """A signature on `release`, by the platform unless another key is given."""
        statement = signature_statement(published_as(release))
        return sign_statement(key or self.company.platform_key, statement)

    def attach(self, release: Release, bundle: bytes) -> None:
        """Make `bundle` refer to `release`, whatever it is."""
        client, repository = RegistryClient(), release.reference.repository
        for media_type, blob in ((EMPTY_CONFIG, EMPTY_CONFIG_BYTES), (BUNDLE_V03, bundle)):
            client.push_blob(repository, Descriptor.of(media_type, blob), lambda blob=blob: io.BytesIO(blob))  # type: ignore[misc]
        manifest = build_bundle_referrer(release.manifest, bundle, COSIGN_SIGN)
        client.push_manifest(repository, manifest.encode(), manifest.media_type)

    def retag(self, release: Release, tag: str) -> None:
        """Let `tag`, of the same repository, mean `release`."""
        data = RegistryClient().fetch_manifest(release.reference).data
        RegistryClient().push_manifest(release.reference.repository, data, release.manifest.media_type, tag)

    def without_referrers_api(self) -> None:
        """From now on the registry is one of those that never heard of referrers."""
        self.proxy.on("GET", "/referrers/", lambda _, __: Reply(404))
        self.proxy.on("PUT", "/manifests/", _forget_subject)

    def answer(self, pattern: str, data: bytes, media_type: str) -> None:
        """Have the attacker's bytes come where `pattern` is asked for."""
        self.proxy.on("GET", pattern, lambda _, __: Reply(200, {"Content-Type": media_type}, data), first=True)


def _forget_subject(request: Request, forward: Callable[[], Reply]) -> Reply:
    reply = forward()
    return replace(reply, headers={k: v for k, v in reply.headers.items() if k.lower() != "oci-subject"})


def changed(bundle: bytes, **members: object) -> bytes:
    """A bundle with other members."""
    return json.dumps({**json.loads(bundle), **members}).encode()
