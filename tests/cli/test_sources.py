"""Where packages come from: the project, the lock, wkg's configuration, registries' own documents, mirrors."""

from __future__ import annotations

import json
import shutil
import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_dependency_transcripts import publish
from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures
from tests.serving import Reply, serving
from tests.shim_process import running_shim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def shop(registry: str) -> str:  # noqa: F811
    """A registry with t:lib 1.0.0 below `demo`."""
    publish(registry, "t:lib 1.0.0", {})
    return registry


@pytest.fixture
def at(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:  # noqa: F811
    """The terminal, in a project that says nothing of where packages are."""
    for name in ("XDG_CONFIG_HOME", "WKG_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    project(terminal.folder, "")
    return terminal


def project(folder: Path, registries: str) -> None:
    (folder / "wasmcloud.toml").write_text(
        f'name = "shop"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
        f"[registries]\n{registries}\n[dependencies]\n"
    )


def wkg(at: Terminal, text: str) -> Path:
    return settings(at, "wasm-pkg", text)


def settings(at: Terminal, tool: str, text: str) -> Path:
    file = at.folder / "home" / ".config" / tool / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def mapped(namespace: str, host: str, prefix: str) -> str:
    return (
        f'[namespace_registries]\n{namespace} = {{ registry = "x", metadata = {{ preferredProtocol = "oci", '
        f'oci = {{ registry = "{host}", namespacePrefix = "{prefix}" }} }} }}\n'
    )


def source(at: Terminal) -> str:
    (package,) = tomllib.loads((at.folder / "wpkg.lock").read_text())["package"]
    return str(package["source"])


@contextmanager
def website(document: bytes | None, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A host that has a `registry.json` and no packages; what it was asked for."""
    asked: list[str] = []

    def reply_to(path: str, _headers: object) -> Reply:
        asked.append(path)
        is_known = document is not None and path == "/.well-known/wasm-pkg/registry.json"
        return Reply(status if is_known else 404, (document or b"") if is_known else b"{}")

    with serving(reply_to) as address:
        yield address, asked


class TestWkg:
    def test_is_asked_where_the_project_says_nothing(self, at: Terminal, shop: str) -> None:
        wkg(at, mapped("t", shop, "demo/"))
        assert at.type("add", "t:lib").out.startswith("added t:lib 1.0.0 (sha256:")
        assert source(at) == f"oci://{shop}/demo/t/lib"

    def test_is_not_asked_where_the_project_says_something(self, at: Terminal, shop: str) -> None:
        """Also when the package is not there: it is nowhere else, then."""
        wkg(at, mapped("t", shop, "demo/"))
        project(at.folder, f't = "{shop}/none"')
        failed = at.type("add", "t:lib")
        assert failed.code == 6
        assert f"there is no repository {shop}/none/t/lib" in failed.err
        assert "[registries] in wasmcloud.toml" in failed.err
        project(at.folder, f'default = "{shop}/none"')
        assert at.type("add", "t:lib").code == 6
        assert not (at.folder / "wpkg.lock").exists()

    @pytest.mark.parametrize("step", ["package", "namespace", "default"])
    def test_a_package_that_is_not_where_it_should_be_is_looked_for_nowhere_else(
        self, at: Terminal, shop: str, step: str
    ) -> None:
        """Each step has the right place behind it, which must not be asked."""
        with (
            website(json.dumps({"oci": {"registry": shop, "namespacePrefix": "demo/"}}).encode()) as (
                good,
                asked,
            ),
            website(None) as (empty, _),
        ):
            texts = {
                "package": f'default_registry = "{good}"\n[namespace_registries]\nt = "{good}"\n'
                f'[package_registry_overrides]\n"t:lib" = "{empty}"\n',
                "namespace": f'default_registry = "{good}"\n[namespace_registries]\nt = "{empty}"\n',
                "default": f'default_registry = "{empty}"\n[namespace_registries]\nother = "{good}"\n',
            }
            file = wkg(at, texts[step])
            failed = at.type("add", "t:lib")
            assert failed.code == 6
            assert f"there is no repository {empty}/t/lib" in failed.err
            assert f"hint: check the name, and {file}" in failed.err
            assert asked == []

    def test_a_host_says_itself_where_its_packages_are(self, at: Terminal, shop: str) -> None:
        document = {"preferredProtocol": "oci", "oci": {"registry": shop, "namespacePrefix": "demo/"}}
        with website(json.dumps(document).encode()) as (host, asked):
            wkg(at, f'default_registry = "{host}"\n')
            assert at.type("add", "t:lib").code == 0
            assert source(at) == f"oci://{shop}/demo/t/lib"
            assert set(asked) == {"/.well-known/wasm-pkg/registry.json"}

    def test_a_host_that_says_nothing_has_them_itself(self, at: Terminal, shop: str) -> None:
        publish(shop, "t:lib 1.0.0", {})
        wkg(at, f'default_registry = "{shop}"\n')
        failed = at.type("add", "t:lib")
        assert f"there is no repository {shop}/t/lib" in failed.err

    @pytest.mark.parametrize(
        ("document", "status", "said"),
        [
            (b'{"oci": {}, "oci": {}}', 200, "the member 'oci' occurs twice"),
            (b'{"oci": {"registry": "a/b"}}', 200, "'a/b' is not a registry"),
            (b" " * 65537, 200, "longer than 65536 bytes"),
            (b"no", 403, "status 403"),
            (b'{"oci": {"registry": "10.0.0.1"}}', 200, "10.0.0.1, an address inside a network"),
        ],
    )
    def test_a_host_that_says_nonsense_has_nothing(
        self, at: Terminal, document: bytes, status: int, said: str
    ) -> None:
        """wkg goes on with a guess."""
        with website(document, status) as (host, asked):
            wkg(at, f'default_registry = "{host}"\n')
            failed = at.type("add", "t:lib")
            assert failed.code == 6
            assert said in failed.err
            assert [path for path in asked if "/v2/" in path] == []

    @pytest.mark.parametrize(
        ("text", "protocol"),
        [
            ('default_registry = "x.test"\n[registry."x.test".local]\nroot = "/p"\n', "local"),
            ('default_registry = "x.test"\n[registry."x.test"]\ntype = "warg"\n', "warg"),
            ('[namespace_registries]\nt = { registry = "x", metadata = { warg = { url = "u" } } }\n', "warg"),
        ],
    )
    def test_other_protocols_are_refused(self, at: Terminal, text: str, protocol: str) -> None:
        file = wkg(at, text)
        failed = at.type("add", "t:lib")
        assert failed.code == 2
        assert failed.err.startswith(f"error: {file}: t:lib is in 'x")
        assert f"its protocol is '{protocol}', which wpkg does not speak" in failed.err

    def test_settings_that_are_not_taken_are_said_once(self, at: Terminal, shop: str) -> None:
        publish(shop, "t:app 1.0.0", {"t:lib": "^1"})
        with website(json.dumps({"oci": {"registry": shop, "namespacePrefix": "demo/"}}).encode()) as (host, _):
            wkg(at, f'default_registry = "{host}"\n[registry."{host}".oci]\nauth = "dTpw"\nprotocol = "http"\n')
            assert at.type("add", "t:app").code == 0
            (at.folder / "wpkg.lock").unlink()
            locked = at.type("lock")
            assert locked.code == 0
            assert locked.err.count(f"auth, protocol of {host}: wpkg does not take this from wkg") == 1

    def test_a_lock_with_two_places_for_one_package_is_refused(self, at: Terminal, shop: str) -> None:
        publish(shop, "t:two 1.0.0", {})
        publish(shop, "t:two 2.0.0", {})
        publish(shop, "t:user 1.0.0", {"t:two": "^2"})
        wkg(at, mapped("t", shop, "demo/"))
        assert at.type("add", "t:two@1", "t:user").code == 0
        lock = at.folder / "wpkg.lock"
        lock.write_text(lock.read_text().replace("demo/t/two", "evil/t/two", 1))
        failed = at.type("lock", "--check")
        assert failed.code == 2
        assert f"wpkg.lock has t:two from two places, {shop}/demo/t/two and {shop}/evil/t/two" in failed.err

    def test_a_mistake_in_it_is_named(self, at: Terminal) -> None:
        file = wkg(at, 'default_registry = "https://x.test"\n')
        failed = at.type("add", "t:lib")
        assert (failed.code, failed.err.splitlines()[0]) == (
            2,
            f"error: {file}: default_registry: 'https://x.test' is not a registry",
        )

    def test_another_file_can_be_named(self, at: Terminal, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
        wkg(at, 'default_registry = "x.test"\n').rename(at.folder / "other.toml")
        (at.folder / "other.toml").write_text(mapped("t", shop, "demo/"))
        monkeypatch.setenv("WKG_CONFIG_FILE", str(at.folder / "other.toml"))
        assert at.type("add", "t:lib").code == 0
        (at.folder / "wpkg.lock").unlink()
        (at.folder / "other.toml").unlink()
        failed = at.type("lock")
        assert (failed.code, "WKG_CONFIG_FILE names" in failed.err) == (2, True)

    def test_the_lock_of_one_person_is_good_for_another(self, at: Terminal, shop: str) -> None:
        file = wkg(at, mapped("t", shop, "demo/"))
        assert at.type("add", "t:lib").code == 0
        before = (at.folder / "wpkg.lock").read_bytes()
        for text in (None, mapped("t", shop, "none/"), 'default_registry = "x.test"\n'):
            file.unlink() if text is None else file.write_text(text)
            assert at.type("lock", "--check", "--offline").code == 0
            assert at.type("fetch", "--locked").code == 0
            assert at.type("update").code == 0
            assert (at.folder / "wpkg.lock").read_bytes() == before
        shutil.rmtree(at.folder / "cache")
        assert at.type("fetch", "--locked").code == 0
        assert at.type("fetch", "--frozen").code == 0

    def test_a_version_is_pulled_from_where_it_says(self, at: Terminal, shop: str) -> None:
        wkg(at, mapped("t", shop, "demo/"))
        assert at.type("pull", "t:lib@1.0.0", "-o", "lib.wasm").code == 0
        assert (at.folder / "lib.wasm").read_bytes().endswith(b"t:lib 1.0.0")

    def test_what_the_project_says_goes_before_the_lock(self, at: Terminal, shop: str) -> None:
        wkg(at, mapped("t", shop, "demo/"))
        assert at.type("add", "t:lib").code == 0
        text = (at.folder / "wasmcloud.toml").read_text()
        (at.folder / "wasmcloud.toml").write_text(text.replace("[registries]", f'[registries]\nt = "{shop}/none"'))
        failed = at.type("lock", "--check")
        assert failed.code == 7
        assert f"the project file says {shop}/none/t/lib" in failed.err

    def test_offline_needs_a_lock(self, at: Terminal) -> None:
        with website(b"{}") as (host, asked):
            wkg(at, f'default_registry = "{host}"\n')
            failed = at.type("add", "t:lib", "--offline")
            assert failed.code == 6
            assert f"where {host} has its packages is not in the cache" in failed.err
            assert asked == []


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    with running_shim(tmp_path / "mirror") as address:
        yield address


class TestMirrors:
    def test_a_mirror_is_read_from_and_the_lock_names_the_source(
        self, at: Terminal, shop: str, mirror: str
    ) -> None:
        """The source cannot be reached at all."""
        publish(mirror, "t:lib 1.0.0", {})
        settings(at, "wpkg", f'[mirrors]\n"gone.test/acme" = "{mirror}/demo"\n')
        project(at.folder, 't = "gone.test/acme"')
        added = at.type("add", "t:lib")
        assert (added.code, added.err.count("warning")) == (0, 0)
        assert source(at) == "oci://gone.test/acme/t/lib"
        shutil.rmtree(at.folder / "cache")
        assert at.type("fetch", "--locked").code == 0

    def test_what_a_mirror_lacks_is_asked_of_the_source_and_of_no_other_name(
        self, at: Terminal, shop: str, mirror: str
    ) -> None:
        settings(at, "wpkg", f'[mirrors]\n"{shop}/demo" = "{mirror}/copy"\n')
        project(at.folder, f't = "{shop}/demo"\nu = "{shop}/other"')
        assert at.type("add", "t:lib").code == 0
        assert source(at) == f"oci://{shop}/demo/t/lib"
        failed = at.type("add", "u:lib")
        assert f"there is no repository {shop}/other/u/lib" in failed.err

    def test_a_mirror_that_is_gone_is_said_once(self, at: Terminal, shop: str) -> None:
        settings(at, "wpkg", f'[mirrors]\n"{shop}" = "127.0.0.1:1"\n')
        project(at.folder, f't = "{shop}/demo"')
        added = at.type("add", "t:lib")
        assert added.code == 0
        assert added.err.count("warning: the mirror 127.0.0.1:1/demo/t/lib failed") == 1

    def test_what_is_published_goes_by_the_source(self, at: Terminal, shop: str) -> None:
        """A mirror's view of tags and signatures may be old, and would be written over what is new."""
        settings(at, "wpkg", f'[mirrors]\n"{shop}" = "127.0.0.1:1"\n')
        assert "the mirror" in at.type("pull", f"{shop}/demo/t/lib:1.0.0", "-o", "lib.wasm").err
        copied = at.type("copy", f"{shop}/demo/t/lib:1.0.0", "dir:./there")
        assert (copied.code, "the mirror" in copied.err) == (0, False)

    def test_a_stale_mirror_hides_what_is_new_and_lowers_nothing(
        self,
        at: Terminal,
        shop: str,
        mirror: str,
    ) -> None:
        for version in ("1.0.0", "1.1.0"):
            publish(shop, f"t:fresh {version}", {})
        publish(mirror, "t:fresh 1.0.0", {})
        project(at.folder, f't = "{shop}/demo"')
        file = settings(at, "wpkg", f'[mirrors]\n"{shop}" = "{mirror}"\n')
        assert at.type("add", "t:fresh@1").out.startswith("added t:fresh 1.0.0")
        file.unlink()
        assert "1.1.0" in at.type("update").out
        file.write_text(f'[mirrors]\n"{shop}" = "{mirror}"\n')
        shutil.rmtree(at.folder / "cache")
        assert at.type("fetch", "--locked").code == 0
        assert at.type("update").code == 7

    def test_a_mirror_with_other_content_under_a_locked_tag_is_noticed(
        self,
        at: Terminal,
        shop: str,
        mirror: str,
    ) -> None:
        publish(shop, "t:moved 1.0.0", {})
        publish(mirror, "t:moved 1.0.0", {}, data=b"\0asm\x0d\0\x01\0other")
        project(at.folder, f't = "{shop}/demo"')
        assert at.type("add", "t:moved@1").code == 0
        settings(at, "wpkg", f'[mirrors]\n"{shop}" = "{mirror}"\n')
        failed = at.type("lock")
        assert failed.code == 7
        assert "but" in failed.err

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[mirrors]\n"a.test" = "https://b.test"\n', 'mirrors."a.test": '),
            ('[mirrors]\n"a.test/x" = "b.test"\n', "a mirror of a path is a path too"),
            ('[mirrors]\n"a.test" = "dir:./x"\n', "a mirror stands between registries"),
            ("[miror]\n", "did you mean 'mirrors'?"),
        ],
    )
    def test_a_mistake_in_the_settings_is_named(self, at: Terminal, text: str, said: str) -> None:
        file = settings(at, "wpkg", text)
        failed = at.type("pull", "127.0.0.1:1/a/b:1.0.0")
        assert failed.code == 2
        assert failed.err.startswith(f"error: {file}: ")
        assert said in failed.err
