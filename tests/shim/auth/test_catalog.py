"""The list of repositories: everybody sees what they may read, and nothing of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry_shim.auth.guard import Guard
from registry_shim.protocol.registry import Registry
from tests.shim.wire import (
    InProcessClient,
    push_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.auth.auth import Auth
    from registry_shim.store.store import Store
from tests.shim.auth.conftest import As


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        ("alice", ["acme/app", "open/app"]),
        ("bob", ["acme/app", "open/app", "open/secret"]),
        ("ci", ["acme/app", "open/app"]),
    ],
)
def test_everybody_is_listed_what_they_may_read(
    store: Store, auth: Auth, owner: InProcessClient, user: str, seen: list[str]
) -> None:
    for name in ("acme/app", "open/app", "open/secret"):
        push_manifest(owner, name, "v1")
    client = As(store, auth, user)
    assert client.send("GET", "/v2/_catalog").json["repositories"] == seen
    first = client.send("GET", "/v2/_catalog?n=1")
    assert first.json["repositories"] == seen[:1]
    assert ("link" in first.headers) is (len(seen) > 1)  # what may not be read makes no page either


def test_the_list_asks_for_a_password_where_there_may_be_more_to_see(
    store: Store, files: tuple[Path, Path], auth: Auth, owner: InProcessClient
) -> None:
    push_manifest(owner, "open/app", "v1")
    closed = Guard(files[0], None, b"secret").before(Registry(store))
    for asking in (auth, closed):
        answer = As(store, asking, None).send("GET", "/v2/_catalog")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="registry-shim"')
    assert As(store, closed, "bob").send("GET", "/v2/_catalog").json == {"repositories": ["open/app"]}
    files[1].write_text('version = 1\n[[rule]]\nprefix = "open"\nread = ["anonymous"]\n')
    assert As(store, auth, None).send("GET", "/v2/_catalog").json == {"repositories": ["open/app"]}
