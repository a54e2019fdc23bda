"""Credentials from files and helpers as docker, podman and oras leave them; nothing there breaks what needs none."""

from __future__ import annotations

import base64
import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from wpkg.errors import InvalidInput
from wpkg.registry.credential_helper import HelperFailed
from wpkg.registry.credentials import Credential, Credentials

if TYPE_CHECKING:
    from pathlib import Path

HELPER = """#!/bin/sh
# keeps what it is given in files beside it; its arguments are noted
echo "$@" >>"$(dirname "$0")/arguments"
read -r line
case "$1" in
get) test -f "$(dirname "$0")/kept.$line" || { echo "credentials not found in native keychain"; exit 1; }
     cat "$(dirname "$0")/kept.$line" ;;
store) server=$(echo "$line" | sed 's/.*"ServerURL": "\\([^"]*\\)".*/\\1/'); echo "$line" >"$(dirname "$0")/kept.$server" ;;
erase) rm "$(dirname "$0")/kept.$line" ;;
esac
"""


class Home:
    """A user's home with its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        (folder / "bin").mkdir(parents=True)
        self.environment = {"HOME": str(folder), "PATH": f"{folder}/bin:{os.environ['PATH']}"}

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.environment, self.warnings.append)

    def write(self, path: str, content: object) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    def helper(self, name: str, script: str = HELPER) -> None:
        self.write(f"bin/docker-credential-{name}", script).chmod(0o755)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def packed(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def found(home: Home, registry: str = "r.example.com", path: str = "a/b") -> str | None:
    credential = home.credentials.find(registry, path)
    return None if credential is None else f"{credential.kind} {credential.user}:{credential.secret}"


def test_nothing_is_nothing_and_says_nothing(home: Home) -> None:
    assert found(home) is None
    assert home.warnings == []


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (packed("u:p"), "password u:p"),
        (packed("u:p:q"), "password u:p:q"),
        ({"username": "u", "password": "p"}, "password u:p"),
        ({**packed("u:x"), "identitytoken": "t"}, "identity u:t"),
        ({"identitytoken": "t"}, "identity <token>:t"),
        ({"registrytoken": "t"}, "bearer :t"),
        (packed("u:p\0\0"), "password u:p"),
        ({"auth": "not base64"}, None),
        ({"auth": "/w=="}, None),
        ({"auth": 1}, None),
        ({}, None),
        ("text", None),
        (None, None),
    ],
)
def test_entries(home: Home, entry: object, expected: str | None) -> None:
    home.write(".docker/config.json", {"auths": {"r.example.com": entry}})
    assert found(home) == expected
    assert home.warnings == []


@pytest.mark.parametrize(
    "key",
    [
        "r.example.com",
        "https://r.example.com",
        "https://r.example.com/v1/",
        "http://r.example.com",
        "r.example.com/a",
        "r.example.com/a/b",
    ],
)
def test_keys_of_all_ages(home: Home, key: str) -> None:
    home.write(".docker/config.json", {"auths": {key: packed("u:p")}})
    assert found(home) == "password u:p"
    assert found(home, "r.example.com:5000") is None
    assert found(home, "example.com") is None


def test_the_longest_key_goes_first(home: Home) -> None:
    keys = {"r.example.com": "host", "r.example.com/a": "above", "r.example.com/a/b": "this"}
    home.write(".config/containers/auth.json", {"auths": {k: packed(f"{u}:p") for k, u in keys.items()}})
    assert found(home, path="a/b") == "password this:p"
    assert found(home, path="a/c/d") == "password above:p"
    assert found(home, path="ab") == "password host:p"


@pytest.mark.parametrize("registry", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_many_names(home: Home, registry: str) -> None:
    home.write(".docker/config.json", {"auths": {"https://index.docker.io/v1/": packed("u:p")}})
    assert found(home, registry) == "password u:p"


def test_the_order_of_the_files(home: Home) -> None:
    home.environment |= {
        "REGISTRY_AUTH_FILE": str(home.folder / "chosen.json"),
        "XDG_RUNTIME_DIR": str(home.folder / "run"),
        "DOCKER_CONFIG": str(home.folder / "docker"),
    }
    files = ["chosen.json", "run/containers/auth.json", ".config/containers/auth.json", "docker/config.json"]
    for file in files:
        home.write(file, {"auths": {"r.example.com": packed(f"{file}:p")}})
    for file in files:
        assert found(home) == f"password {file}:p"
        (home.folder / file).unlink()
    assert found(home) is None


def test_the_environment_goes_first_and_is_for_one_host(home: Home) -> None:
    home.write(".docker/config.json", {"auths": {"localhost:1234": packed("u:p")}})
    home.environment["WKG_REGISTRY_LOCALHOST_1234_AUTH_BEARER"] = "t"
    assert found(home, "localhost:1234") == "bearer :t"
    assert found(home, "localhost:1235") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": []}', '{"a":1,"a":2}', "\xff", " " * 3_000_000])
def test_a_file_that_is_no_good_is_passed_over(home: Home, content: str) -> None:
    home.write(".docker/config.json", content)
    assert found(home) is None
    assert len(home.warnings) <= 1


def test_a_file_that_cannot_be_read_is_warned_of(home: Home) -> None:
    (home.folder / ".docker/config.json").mkdir(parents=True)
    assert found(home) is None
    assert "is not used" in home.warnings[0]


# --- helpers ---------------------------------------------------------------------------------------


def test_a_helper_for_the_host_goes_before_the_store_and_the_file(home: Home) -> None:
    for name in ("one", "two"):
        home.helper(name, f'#!/bin/sh\necho \'{{"Username": "{name}", "Secret": "p"}}\'\n')
    content = {"auths": {"r.example.com": packed("u:p")}, "credsStore": "two"}
    home.write(".docker/config.json", content)
    assert found(home) == "password two:p"
    home.write(".docker/config.json", {**content, "credHelpers": {"r.example.com": "one"}})
    assert found(home) == "password one:p"
    assert found(home, "other.example.com") == "password two:p"


def test_a_helper_may_have_an_identity_token(home: Home) -> None:
    home.helper("one", '#!/bin/sh\necho \'{"Username": "<token>", "Secret": "t"}\'\n')
    home.write(".docker/config.json", {"credsStore": "one"})
    assert found(home) == "identity <token>:t"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\necho secret-on-stdout; exit 3\n", "failed with status 3"),
        ("#!/bin/sh\necho secret-on-stdout\n", "did not answer as one does"),
        ('#!/bin/sh\necho \'{"Username": 1, "Secret": 2}\'\n', "did not answer as one does"),
        ("#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' '['\n", "did not answer as one does"),
        ("#!/bin/sh\nprintf '\\377'\n", "did not answer as one does"),
        ("#!/bin/nowhere\n", "no program docker-credential-one"),
    ],
)
def test_a_helper_that_fails_does_not_stop_what_is_public(home: Home, script: str, said: str) -> None:
    home.helper("one", script)
    home.write(".docker/config.json", {"credsStore": "one", "auths": {"r.example.com": packed("u:p")}})
    assert found(home) == "password u:p"
    assert said in home.warnings[0]
    assert "secret-on-stdout" not in home.warnings[0]


def test_a_helper_is_asked_once_for_all_repositories(home: Home) -> None:
    home.helper("one")
    home.write(".docker/config.json", {"credsStore": "one"})
    credentials = home.credentials
    for path in ("a/b", "a/c", "d"):
        assert credentials.find("r.example.com", path) is None
    assert (home.folder / "bin/arguments").read_text() == "get\n"


def test_a_helper_that_hangs_is_given_up_with_all_that_it_has_started(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its child holds the pipes for half a minute; and it is not waited for again for every repository."""
    monkeypatch.setattr("wpkg.registry.credential_helper.TIMEOUT", 0.3)
    home.helper("one", f"#!/bin/sh\necho x >> {home.folder}/asked\nsleep 30\n")
    home.write(".docker/config.json", {"credsStore": "one"})
    credentials = home.credentials
    began = time.monotonic()
    for path in ("a/b", "a/c"):
        assert credentials.find("r.example.com", path) is None
    assert time.monotonic() - began < 15
    assert "did not answer within" in home.warnings[0]
    assert len(home.warnings) == 1
    assert (home.folder / "asked").read_text() == "x\n"


@pytest.mark.parametrize("name", ["../evil", "a b", "", "-x", "a/b"])
def test_a_helper_has_a_plain_name(home: Home, name: str) -> None:
    home.write(".docker/config.json", {"credsStore": name})
    assert found(home) is None


# --- login and logout ------------------------------------------------------------------------------


def test_what_is_stored_is_found_and_only_its_owner_reads_it(home: Home) -> None:
    place = home.credentials.store("r.example.com", Credential("u", "p:q"))
    file = home.folder / ".docker/config.json"
    assert place == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert found(home) == "password u:p:q"
    assert home.credentials.erase("r.example.com") == [str(file)]
    assert found(home) is None
    assert home.credentials.erase("r.example.com") == []


def test_the_rest_of_a_file_stays(home: Home) -> None:
    file = home.write(
        ".docker/config.json", {"auths": {"x": {}, "https://r.example.com/v1/": {}}, "psFormat": "y"}
    )
    home.credentials.store("r.example.com", Credential("u", "p"))
    assert json.loads(file.read_text()) == {"auths": {"x": {}, "r.example.com": packed("u:p")}, "psFormat": "y"}


def test_it_is_replaced_where_it_is(home: Home) -> None:
    podman = home.write(".config/containers/auth.json", {"auths": {"r.example.com": packed("old:p")}})
    assert home.credentials.store("r.example.com", Credential("new", "p")) == str(podman)
    assert found(home) == "password new:p"


def test_a_link_to_the_file_stays_a_link(home: Home) -> None:
    kept = home.write("dotfiles/config.json", "{}")
    (home.folder / ".docker").mkdir()
    (home.folder / ".docker/config.json").symlink_to(kept)
    home.credentials.store("r.example.com", Credential("u", "p"))
    assert (home.folder / ".docker/config.json").is_symlink()
    assert found(home) == "password u:p"


def test_a_malformed_file_is_not_overwritten(home: Home) -> None:
    file = home.write(".docker/config.json", "{ not json")
    with pytest.raises(InvalidInput, match="not JSON"):
        home.credentials.store("r.example.com", Credential("u", "p"))
    assert file.read_text() == "{ not json"


def test_a_helper_keeps_and_forgets_and_no_secret_is_an_argument(home: Home) -> None:
    home.helper("one")
    file = home.write(".docker/config.json", {"credsStore": "one"})
    assert home.credentials.store("r.example.com", Credential("u", "sesame")) == "credential helper 'one'"
    assert json.loads(file.read_text()) == {"credsStore": "one"}
    assert found(home) == "password u:sesame"
    assert home.credentials.erase("r.example.com") == ["credential helper 'one'"]
    assert found(home) is None
    assert "sesame" not in (home.folder / "bin/arguments").read_text()


def test_a_helper_that_cannot_store_is_an_error(home: Home) -> None:
    home.helper("one", "#!/bin/sh\nexit 1\n")
    home.write(".docker/config.json", {"credsStore": "one"})
    with pytest.raises(HelperFailed, match="did not store"):
        home.credentials.store("r.example.com", Credential("u", "p"))


def test_many_logins_at_once_all_stay(home: Home) -> None:
    names = [f"r{i}.example.com" for i in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda name: home.credentials.store(name, Credential("u", "p")), names))
    assert [found(home, name) for name in names] == ["password u:p"] * 12


def test_a_credential_does_not_show_its_secret() -> None:
    assert "sesame" not in repr(Credential("u", "sesame")) + str(Credential("u", "sesame"))
