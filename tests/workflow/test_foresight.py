"""What a resolution asks registries before the solver comes to it, and what it does not ask."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from tests.fakes.world import fake_world
from tests.packages import publish_package
from tests.workflow.conftest import TRUST, Company
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.registry.errors import NotFound
from wpkg.workflow.fetch import fetch
from wpkg.workflow.lock import lock

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Repository

ADDRESS = "127.0.0.1:5000"


class Hesitant(MemoryRegistry):
    """Answers what is asked of one package only when something else has been asked for; what it was, in order."""

    def __init__(self, of: str = "", until: tuple[str, str] = ("", "")) -> None:
        super().__init__()
        self._of, self._until = of, until
        self._asked_for = threading.Event()
        self.gave_up = False

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        self.requests.clear()
        self._asked_for.clear()

    def _asked(self, method: str, what: object) -> None:
        super()._asked(method, what)
        if (method, str(what)) == self._until:
            self._asked_for.set()
        if method == "fetch_manifest" and str(what) == self._of and not self._asked_for.wait(10):
            self.gave_up = True


def publish(registry: MemoryRegistry, name: str, *needed: str, version: str = "1.0.0") -> None:
    names = [PackageName.parse(f"t:{each}") for each in needed]
    data = f"{name} {version}".encode()
    publish_package(registry, ADDRESS, PackageName.parse(f"t:{name}"), data, names, Version.parse(version))


def project(root: Path, *needed: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "wasmcloud.toml").write_text(
        'name = "app"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
        f'[registries]\nt = "{ADDRESS}/demo"\n[dependencies]\n' + "".join(f'"t:{name}" = "1"\n' for name in needed)
    )
    return root


def place(name: str, version: str) -> str:
    return f"{ADDRESS}/demo/t/{name}:{version}"


def asked(registry: MemoryRegistry, method: str) -> list[str]:
    return sorted(what for called, what in registry.requests if called == method)


def test_what_others_need_is_looked_up_while_one_keeps_us_waiting(tmp_path: Path) -> None:
    registry = Hesitant(of=place("a", "1.0.0"), until=("fetch_manifest", place("d", "1.0.0")))
    for name, needed in (("a", []), ("b", ["c"]), ("c", ["d"]), ("d", [])):
        publish(registry, name, *needed)
    found = lock(fake_world(tmp_path / "user", registry), project(tmp_path / "app", "a", "b")).lock
    assert [str(package.name) for package in found.packages] == ["t:a", "t:b", "t:c", "t:d"]
    assert not registry.gave_up


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    registry = Hesitant(of=place("a", "1.1.0"), until=("fetch_manifest", place("e", "1.1.0")))
    for name, needed in (("a", ["d"]), ("b", ["c", "d"]), ("c", ["d", "e"]), ("d", []), ("e", [])):
        for version in ("1.0.0", "1.1.0"):
            publish(registry, name, *needed, version=version)
    registry.requests.clear()
    lock(fake_world(tmp_path / "user", registry), project(tmp_path / "app", "a", "b"))
    assert asked(registry, "list_tags") == [f"{ADDRESS}/demo/t/{name}" for name in "abcde"]
    assert asked(registry, "fetch_manifest") == [place(name, "1.1.0") for name in "abcde"]
    assert len(asked(registry, "fetch_blob")) == 5
    assert not registry.gave_up


def test_what_is_locked_is_foreseen_and_not_what_is_newest(tmp_path: Path) -> None:
    registry = Hesitant(of=place("a", "1.0.0"), until=("fetch_manifest", place("c", "1.0.0")))
    for name, needed in (("a", []), ("b", ["c"]), ("c", [])):
        publish(registry, name, *needed)
    root = project(tmp_path / "app", "b")
    world = fake_world(tmp_path / "user", registry)
    lock(world, root)
    for name, needed in (("b", ["c"]), ("c", [])):
        publish(registry, name, *needed, version="1.1.0")
    registry.forget()
    lock(world, project(root, "a", "b"))
    assert asked(registry, "fetch_manifest") == [place(name, "1.0.0") for name in "abc"]
    assert not registry.gave_up


def test_what_is_foreseen_in_vain_is_no_error(tmp_path: Path) -> None:
    """The newest `b` needs what is nowhere; the project wants an older one."""
    registry = MemoryRegistry()
    publish(registry, "a", "b")
    publish(registry, "b")
    publish(registry, "b", "nowhere", version="1.1.0")
    root = project(tmp_path / "app", "a")
    with (root / "wasmcloud.toml").open("a") as file:
        file.write('"t:b" = "=1.0.0"\n')
    found = lock(fake_world(tmp_path / "user", registry), root).lock
    assert [str(package.pin) for package in found.packages] == ["t:a 1.0.0", "t:b 1.0.0"]
    with pytest.raises(NotFound, match="t:nowhere is not in the registry"):
        lock(fake_world(tmp_path / "user", registry), project(tmp_path / "other", "a"))


class Together(MemoryRegistry):
    """Says what refers to something only when it is asked about two things at once."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier: threading.Barrier | None = None

    def list_referrers(self, repository: Repository, subject: Digest) -> list[Descriptor]:
        if self.barrier is not None:
            self.barrier.wait(10)
        return super().list_referrers(repository, subject)


def test_signatures_of_several_packages_are_looked_up_at_once(tmp_path: Path) -> None:
    registry = Together()
    company = Company(tmp_path, registry)
    company.sources["other"] = company.sources["harness"]
    company.publish("harness")
    company.publish("other")
    root = company.project(
        "validator", extra=TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n"pay:other" = "^0.1"\n'
    )
    registry.barrier = threading.Barrier(2)
    found = lock(company.world(), root).lock
    assert [package.signers for package in found.packages] == [(company.platform_key.public.hint,)] * 2
    fetch(company.world("somebody-else"), root, locked=True)  # who has no evidence of it yet
