"""The page and the search, where not everybody may read everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry_shim.auth.guard import Guard
from registry_shim.protocol.registry import Registry
from tests.shim.auth.people import RULES, basic, htpasswd
from tests.shim.page.conftest import Shop, keyvalue

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.store import Store

STORE = keyvalue("0.2.0", "export wasi:keyvalue/store@V;")
PLACES = ("acme/app", "open/app", "open/secret/app")


def guarded(shop: Shop, folder: Path, rules: str | None = RULES) -> Shop:
    """The same registry, with passwords in front."""
    (folder / "htpasswd").write_text(htpasswd())
    if rules is not None:
        (folder / "access.toml").write_text(rules)
    guard = Guard(folder / "htpasswd", folder / "access.toml" if rules is not None else None, b"secret")
    return Shop(shop.store, shop.root, guard.before(Registry(shop.store)), is_public=guard.is_public)


@pytest.fixture
def shop(store: Store, root: Path) -> Shop:
    shop = Shop(store, root)
    for place in PLACES:
        shop.publish(place, "1.0.0", STORE)
    return shop


def headers(name: str | None) -> dict[str, str]:
    return {"authorization": basic(name)["Authorization"]} if name is not None else {}


@pytest.mark.parametrize(
    ("user", "readable"),
    [(None, ["open/app"]), ("alice", ["acme/app", "open/app"]), ("bob", list(PLACES))],
)
def test_what_each_may_see(shop: Shop, tmp_path: Path, user: str | None, readable: list[str]) -> None:
    shown = guarded(shop, tmp_path)
    for path in ("/", "/search?exports=wasi:keyvalue/store", "/api/v1/search?exports=wasi:keyvalue/store"):
        page = shown.get(path, **headers(user))
        assert page.status == 200
        assert [place for place in PLACES if place in page.text] == readable
    for place in PLACES:
        for path in (f"/repositories/{place}", f"/repositories/{place}:1.0.0"):
            status = shown.get(path, **headers(user)).status
            if place in readable:
                assert status == 200
            else:  # somebody who has not said who they are is asked
                assert status == 401 if user is None else status in (403, 404)
        assert ("acme/app" in shown.get(f"/repositories/{readable[0]}:1.0.0", **headers(user)).text) is (
            "acme/app" in readable
        )
    shown.door.close()


def test_what_is_hidden_and_what_is_not_there_look_alike(shop: Shop, tmp_path: Path) -> None:
    shown = guarded(shop, tmp_path)
    for user in (None, "alice"):
        hidden = shown.get("/repositories/open/secret/app", **headers(user))
        absent = shown.get("/repositories/open/secret/not", **headers(user))
        assert hidden.status == absent.status
        assert hidden.text.replace("secret/app", "secret/not") == absent.text
    shown.door.close()


def test_signing_in(shop: Shop, tmp_path: Path) -> None:
    shown = guarded(shop, tmp_path)
    asked = shown.get("/sign-in")
    assert (asked.status, asked.headers["www-authenticate"]) == (401, 'Basic realm="registry-shim"')
    done = shown.get("/sign-in", **headers("bob"))
    assert (done.status, done.headers["location"]) == (303, "/")
    assert shown.get("/", authorization=basic("bob", "wrong")["Authorization"]).status == 401
    assert shown.links_of("/")["sign in"] == "/sign-in"
    assert "sign in" not in shown.links_of("/", **headers("bob"))
    assert "sign in" not in shop.links_of("/")
    shown.door.close()


@pytest.mark.parametrize("rules", [None, RULES.replace("anonymous", "*")])
def test_where_nothing_is_public_everything_asks(shop: Shop, tmp_path: Path, rules: str | None) -> None:
    shown = guarded(shop, tmp_path, rules)
    for path in ("/", "/search", "/api/v1/search", "/repositories/open/app"):
        assert shown.get(path).status == 401
    assert shown.get("/style.css").status == 200
    # Clients ask for this, of every registry, before they know of any password.
    assert shown.get("/.well-known/wasm-pkg/registry.json").status == 404
    assert shown.get("/", **headers("bob")).status == 200
    shown.door.close()


def test_rules_that_break_show_nothing(shop: Shop, tmp_path: Path) -> None:
    shown = guarded(shop, tmp_path)
    (tmp_path / "access.toml").write_text("nonsense")
    for user in (None, "bob"):
        page = shown.get("/", **headers(user))
        assert page.status == 502
        assert not [place for place in PLACES if place in page.text]
        assert str(tmp_path) not in page.text
    shown.door.close()
