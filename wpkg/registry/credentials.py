"""Passwords and tokens for registries, from where docker, podman and oras keep them.

Order: `WKG_REGISTRY_<HOST>_AUTH_BEARER`, `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`,
`$XDG_CONFIG_HOME/containers/auth.json`, `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. In a file:
`credHelpers[host]`, `credsStore`, `auths`; of these the longest key that is the repository or a folder above it
(containers-auth.json(5)). A file that cannot be read is warned of and passed over: what is public needs none.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.documents.strict_json import load_object
from wpkg.errors import InvalidInput
from wpkg.registry.credential_helper import HelperFailed, ask_helper, erase_from_helper, give_helper
from wpkg.registry.disk import exclusive_access, write_file
from wpkg.registry.origins import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
TOKEN_USER = "<token>"  # noqa: S105 - the user name by which helpers say that the secret is an identity token
MAX_FILE = 1024 * 1024  # bytes


class Credential(Struct, frozen=True):
    """What a registry, or its token server, is told about who asks."""

    user: str
    secret: str
    kind: str = "password"  # 'password'; 'identity': for the token server only; 'bearer': sent as it is

    def __repr__(self) -> str:
        return f"Credential({self.user!r}, {self.kind})"

    @property
    def basic(self) -> str:
        """The value of an Authorization header of the Basic scheme."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()


class Credentials:
    """The files and helper programs of one user."""

    def __init__(self, environment: Mapping[str, str], warn: Callable[[str], object]) -> None:
        self._environment = environment
        self._warn = warn
        self._answers: dict[tuple[str, str], tuple[str, str] | None] = {}  # of helpers, by name and server

    def find(self, registry: str, path: str = "") -> Credential | None:
        """What there is for the repository `registry`/`path`, None when nothing is."""
        name = re.sub(r"[^A-Za-z0-9]", "_", registry).upper()
        if bearer := self._environment.get(f"WKG_REGISTRY_{name}_AUTH_BEARER"):
            return Credential("", bearer, "bearer")
        for file in self._files():
            found = self._find_in(self._read(file), registry, path)
            if found is not None:
                return found
        return None

    def store(self, registry: str, credential: Credential) -> str:
        """Keep a password where there is one for `registry` already, else where docker keeps it; says where.

        Raises: HelperFailed, InvalidInput, CannotWrite.
        """
        self._answers.clear()
        known = (file for file in self._files() if self._is_in(self._read(file), registry))
        file = next(known, self._default_file())
        helper = _helper(self._read(file), registry)
        if helper is not None:
            give_helper(helper, _server(registry), credential.user, credential.secret, self._environment)
            return f"credential helper '{helper}'"
        packed = base64.b64encode(f"{credential.user}:{credential.secret}".encode()).decode()
        self._edit(file, registry, {"auth": packed})
        return str(file)

    def erase(self, registry: str) -> list[str]:
        """Forget every password for `registry`; where there was one. Raises: HelperFailed, CannotWrite."""
        self._answers.clear()
        places = []
        for file in self._files():
            content = self._read(file)
            helper = _helper(content, registry)
            if helper is not None and ask_helper(helper, _server(registry), self._environment) is not None:
                erase_from_helper(helper, _server(registry), self._environment)
                places.append(f"credential helper '{helper}'")
            if any(key in _table(content, "auths") for key in _keys(registry)):
                self._edit(file, registry, None)
                places.append(str(file))
        return places

    # --- files -------------------------------------------------------------------------------------

    def _files(self) -> Iterator[Path]:
        """Where credentials may be, the first one first; none twice."""
        get = self._environment.get
        places = []
        if file := get("REGISTRY_AUTH_FILE"):
            places.append(Path(file))
        if folder := get("XDG_RUNTIME_DIR"):
            places.append(Path(folder, "containers", "auth.json"))
        config = get("XDG_CONFIG_HOME")
        places.append(Path(config) if config else self._home / ".config")
        places[-1] = places[-1] / "containers" / "auth.json"
        places.append(self._docker_file)
        yield from dict.fromkeys(places)

    @property
    def _home(self) -> Path:
        home = self._environment.get("HOME")
        return Path(home) if home else Path.home()

    @property
    def _docker_file(self) -> Path:
        folder = self._environment.get("DOCKER_CONFIG")
        return (Path(folder) if folder else self._home / ".docker") / "config.json"

    def _default_file(self) -> Path:
        file = self._environment.get("REGISTRY_AUTH_FILE")
        return Path(file) if file else self._docker_file

    def _read(self, file: Path) -> dict[str, Any]:
        try:
            with file.open("rb") as opened:
                data = opened.read(MAX_FILE + 1)
            return load_object(data) if data.strip() else {}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, InvalidInput) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            self._warn(f"{file} is not used: {said}")
            return {}

    def _edit(self, file: Path, registry: str, entry: dict[str, str] | None) -> None:
        """Put `entry` into `auths` under the key of `registry`, and take away its other keys; mode 0600."""
        file = file.resolve()
        with exclusive_access(file.parent):
            try:
                content = load_object(file.read_bytes()) if file.exists() else {}
            except InvalidInput as error:
                raise error.within(str(file)) from None
            auths = dict(_table(content, "auths"))
            for key in _keys(registry):
                auths.pop(key, None)
            if entry is not None:
                auths[_server(registry)] = entry
            content["auths"] = auths
            write_file(file, json.dumps(content, indent="\t").encode() + b"\n", 0o600)

    # --- entries -----------------------------------------------------------------------------------

    def _is_in(self, content: dict[str, Any], registry: str) -> bool:
        return registry in _table(content, "credHelpers") or any(
            key in _table(content, "auths") for key in _keys(registry)
        )

    def _find_in(self, content: dict[str, Any], registry: str, path: str) -> Credential | None:
        helper = _helper(content, registry)
        if helper is not None:
            answer = self._ask_once(helper, _server(registry))
            if answer is not None:
                return Credential(*answer, "identity" if answer[0] == TOKEN_USER else "password")
        auths = _table(content, "auths")
        for key in (*_repository_keys(registry, path), *_keys(registry)):
            found = _read_entry(auths.get(key))
            if found is not None:
                return found
        return None

    def _ask_once(self, helper: str, server: str) -> tuple[str, str] | None:
        """What a helper has, which starting a program for every repository would only say more slowly.

        One that fails is warned of, once, and has nothing.
        """
        if (helper, server) not in self._answers:
            self._answers[helper, server] = None
            try:
                self._answers[helper, server] = ask_helper(helper, server, self._environment)
            except HelperFailed as error:
                self._warn(f"{error}; going on without it")
        return self._answers[helper, server]


def _read_entry(entry: object) -> Credential | None:
    """The credential in one value of `auths`; None where there is none or it is malformed."""
    members: dict[str, Any] = entry if isinstance(entry, dict) else {}
    texts: dict[str, str] = {key: value for key, value in members.items() if isinstance(value, str) and value}
    user, secret = texts.get("username", ""), texts.get("password", "")
    if "auth" in texts:
        try:
            decoded = base64.b64decode(texts["auth"], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        user, _, secret = decoded.rstrip("\0").partition(":")  # docker pads
    if "identitytoken" in texts:
        return Credential(user or TOKEN_USER, texts["identitytoken"], "identity")
    if "registrytoken" in texts:
        return Credential("", texts["registrytoken"], "bearer")
    return Credential(user, secret) if secret else None


def _table(content: dict[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _helper(content: dict[str, Any], registry: str) -> str | None:
    """The helper that a file names for `registry`."""
    helpers = _table(content, "credHelpers")
    for key in (registry, _server(registry)):
        if isinstance(name := helpers.get(key), str) and name:
            return name
    store = content.get("credsStore")
    return store if isinstance(store, str) and store else None


def _server(registry: str) -> str:
    """What docker calls `registry` in its files and to its helpers."""
    return DOCKER_HUB_KEY if registry in DOCKER_HUB else registry


def _repository_keys(registry: str, path: str) -> list[str]:
    """`host/a/b`, `host/a`: the keys of a repository and what is above it, the longest first."""
    parts = path.split("/") if path else []
    return [f"{registry}/{'/'.join(parts[:count])}" for count in range(len(parts), 0, -1)]


def _keys(registry: str) -> list[str]:
    """The keys under which tools of different ages keep what is for all of `registry`."""
    hosts = sorted(DOCKER_HUB) if registry in DOCKER_HUB else [registry]
    forms = ("{}", "https://{}", "https://{}/", "https://{}/v1/", "https://{}/v2/", "http://{}")
    return [_server(registry), *(form.format(host) for host in hosts for form in forms)]
