"""Search by interface, and the catalogue that it asks."""

from __future__ import annotations

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry_shim.main import CATALOGUE_FILE
from tests.components import from_wit
from tests.shim.page.conftest import STORE_WIT, Shop, keyvalue, wit_package
from tests.shim.wire import push_manifest
from wpkg.oci.digest import Digest

OLD, NEW, NEXT = "0.2.0", "0.2.3", "0.3.0"


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    shop.publish("acme/redis", "1.0.0", keyvalue(OLD, "export wasi:keyvalue/store@V;"), record="acme:redis")
    shop.publish("acme/redis", "1.1.0", keyvalue(NEW, "export wasi:keyvalue/store@V;"), record="acme:redis")
    shop.publish("acme/file", "3.0.0", keyvalue(NEXT, "export wasi:keyvalue/store@V;"), record="acme:file")
    shop.publish("acme/batch", "0.1.0", keyvalue(OLD, "export wasi:keyvalue/batch@V;"), record="acme:batch")
    shop.publish("acme/app", "2.0.0", keyvalue(OLD, "import wasi:keyvalue/store@V; export run: func();"))
    return shop


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"exports": "wasi:keyvalue/store"}, ["acme/file:3.0.0", "acme/redis:1.1.0"]),
        ({"exports": "wasi:keyvalue/store@0.2.0"}, ["acme/redis:1.1.0"]),
        ({"exports": "wasi:keyvalue/store@0.2.9"}, ["acme/redis:1.1.0"]),
        ({"exports": "wasi:keyvalue/store@0.2"}, ["acme/redis:1.1.0"]),
        ({"exports": "wasi:keyvalue/store@0.3.7"}, ["acme/file:3.0.0"]),
        ({"exports": "wasi:keyvalue/store@0.4.0"}, []),
        ({"exports": "wasi:keyvalue/store@0.2.0-rc.1"}, []),
        ({"exports": "wasi:keyvalue"}, ["acme/batch:0.1.0", "acme/file:3.0.0", "acme/redis:1.1.0"]),
        ({"imports": "wasi:keyvalue/store"}, ["acme/app:2.0.0"]),
        ({"imports": "wasi:keyvalue/store", "exports": "run"}, ["acme/app:2.0.0"]),
        ({"imports": "wasi:keyvalue/store", "exports": "wasi:keyvalue/store"}, []),
        ({"exports": "wasi:keyvalue/store wasi:keyvalue/batch"}, []),
        ({"exports": "wasi:keyvalue/stor"}, []),
        ({"q": "REDIS"}, ["acme/redis:1.1.0"]),
        ({"q": "acme fil"}, ["acme/file:3.0.0"]),
        ({"q": "redis", "exports": "wasi:keyvalue/batch"}, []),
        ({"q": "%"}, []),
        ({}, ["acme/app:2.0.0", "acme/batch:0.1.0", "acme/file:3.0.0", "acme/redis:1.1.0"]),
    ],
)
def test_finds(stocked: Shop, asked: dict[str, str], found: list[str]) -> None:
    assert stocked.find(**asked) == found


def test_what_a_config_claims_does_not_count(shop: Shop) -> None:
    data = keyvalue(OLD, "export wasi:keyvalue/store@V;")  # the config of every test component names no exports
    shop.publish("a/b", "1.0.0", data)
    (result,) = json.loads(shop.get("/api/v1/search?exports=wasi:keyvalue/store").body)["results"]
    assert (result["imports"], result["exports"]) == ([], ["wasi:keyvalue/store@0.2.0"])


def test_a_result(stocked: Shop) -> None:
    (result,) = json.loads(stocked.get("/api/v1/search?exports=wasi:keyvalue/store@0.2.0").body)["results"]
    assert (result["repository"], result["package"]) == ("acme/redis", "acme:redis")
    assert [version["tag"] for version in result["versions"]] == ["1.1.0", "1.0.0"]
    assert result["exports"] == ["wasi:keyvalue/store@0.2.3"]
    assert result["versions"][0]["digest"].startswith("sha256:")


def test_raw_components_come_after_what_runs(shop: Shop) -> None:
    data = keyvalue(OLD, "export wasi:keyvalue/store@V;")
    shop.publish("a/b", "1.0.0_raw", data, record="a:b", kind="raw")
    assert shop.find(exports="wasi:keyvalue") == ["a/b:1.0.0_raw"]
    shop.publish("a/b", "0.9.0", data, record="a:b")
    shop.publish("a/b", "2.0.0-rc.1", data, record="a:b")
    shop.publish("a/b", "latest", data)
    versions = json.loads(shop.get("/api/v1/search").body)["results"][0]["versions"]
    assert [version["tag"] for version in versions] == ["0.9.0", "2.0.0-rc.1", "latest", "1.0.0_raw"]


def test_pages(stocked: Shop) -> None:
    first = json.loads(stocked.get("/api/v1/search?n=3").body)
    assert (len(first["results"]), first["next"]) == (3, 3)
    last = json.loads(stocked.get("/api/v1/search?n=3&offset=3").body)
    assert ([item["repository"] for item in last["results"]], "next" in last) == (["acme/redis"], False)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("exports=a%20b%2Fc", "is not the name of an interface"),
        ("exports=wasi:", "is not the name of an interface"),
        ("imports=WASI:x/y@not.a.version", "is not the name of an interface"),
        ("n=0", "n is a number from 1 to 100"),
        ("n=-1", "n is a number"),
        ("offset=x", "offset is a number"),
        ("offset=99999999999999999999", "offset is a number"),
        ("q=" + "x" * 201, "over the limit of 200"),
        ("q=" + "+".join("abcdefghi"), "at most 8"),
        ("exports=" + "%20".join(f"a:b/c{n}" for n in range(9)), "at most 8"),
    ],
)
def test_what_cannot_be_asked(shop: Shop, query: str, said: str) -> None:
    page = shop.get(f"/api/v1/search?{query}")
    assert (page.status, page.headers["content-type"]) == (400, "application/json")
    assert said in json.loads(page.body)["errors"][0]["message"]
    assert shop.get(f"/search?{query}").status == 200  # a person gets the form back


class TestCatalogue:
    def test_follows_the_registry(self, stocked: Shop) -> None:
        assert stocked.find(q="batch") == ["acme/batch:0.1.0"]
        stocked.client.send("DELETE", "/v2/acme/batch/manifests/0.1.0")
        assert stocked.find(q="batch") == []
        shutil.rmtree(stocked.root / "acme/file")
        stocked.store._repositories.pop("acme/file")
        assert stocked.find(exports="wasi:keyvalue/store@0.3.0") == []

    def test_survives_a_restart_without_reading_components_again(self, stocked: Shop) -> None:
        assert stocked.find(exports="wasi:keyvalue/batch") == ["acme/batch:0.1.0"]
        stocked.door.close()
        component = Digest.of(keyvalue(OLD, "export wasi:keyvalue/batch@V;"))
        (stocked.root / "acme/batch/blobs/sha256" / component.encoded).write_bytes(b"nothing to be read here")
        stocked.open()
        assert stocked.find(exports="wasi:keyvalue/batch") == ["acme/batch:0.1.0"]

    @pytest.mark.parametrize("harm", ["lost", "garbage", "another version"])
    def test_is_made_anew(self, stocked: Shop, harm: str) -> None:
        expected = stocked.find(exports="wasi:keyvalue")
        stocked.door.close()
        path = stocked.root / CATALOGUE_FILE
        if harm == "lost":
            path.unlink()
        elif harm == "garbage":
            path.write_bytes(b"not a database" * 1000)
        else:
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA user_version = 99")
            connection.close()
        stocked.open()
        assert stocked.find(exports="wasi:keyvalue") == expected != []

    def test_is_made_anew_when_it_is_damaged_in_use(self, stocked: Shop) -> None:
        expected = stocked.find(exports="wasi:keyvalue")
        with sqlite3.connect(stocked.root / CATALOGUE_FILE) as connection:
            connection.execute("DROP TABLE externs")
        connection.close()
        assert stocked.find(exports="wasi:keyvalue") == expected != []

    def test_other_content_is_passed_over(self, shop: Shop) -> None:
        push_manifest(shop.client, "plain/image", "latest")
        shop.publish("bad/core", "1.0.0", b"\0asm\x01\0\0\0")
        shop.publish("bad/empty", "1.0.0", b"")
        shop.publish("bad/garbage", "1.0.0", b"\xff" * 100)
        shop.publish("wit/package", "1.0.0", from_wit("export run: func();")[:-1])
        shop.publish("good/one", "1.0.0", from_wit("export run: func();"))
        assert shop.find(exports="run") == ["good/one:1.0.0"]
        assert len(shop.find()) == 6
        damaged = shop.root / "damaged"
        (damaged / "blobs").mkdir(parents=True)
        (damaged / "oci-layout").write_text("{}")
        (damaged / "index.json").write_text("not json")
        assert shop.find(exports="run") == ["good/one:1.0.0"]

    def test_beside_pushes(self, shop: Shop) -> None:
        data = from_wit("export run: func();")

        def push(number: int) -> None:
            shop.publish(f"many/r{number % 3}", f"1.0.{number}", data)

        def look(_: int) -> None:
            shop.find(exports="run")

        with ThreadPoolExecutor(6) as pool:
            done = [*(pool.submit(push, n) for n in range(18)), *(pool.submit(look, n) for n in range(12))]
            for future in done:
                future.result()
        assert sorted(shop.find(exports="run")) == ["many/r0:1.0.15", "many/r1:1.0.16", "many/r2:1.0.17"]


def test_the_page(stocked: Shop) -> None:
    page = stocked.get("/search?exports=wasi:keyvalue/store%400.2.0&imports=&q=")
    assert page.status == 200
    assert page.links()["acme:redis"] == "/repositories/acme/redis"
    assert "exports wasi:keyvalue/store@0.2.3" in page.shown()
    assert page.links()["1.0.0"] == "/repositories/acme/redis:1.0.0"
    assert 'value="wasi:keyvalue/store@0.2.0"' in page.text
    assert "No component in this registry" in stocked.get("/search?exports=a:b/c").shown()
    bad = stocked.get("/search?exports=%3Cscript%3E")
    assert (bad.status, "'<script>' is not the name of an interface" in bad.shown()) == (200, True)


def test_wit_packages_export_nothing(shop: Shop) -> None:
    shop.publish("wasi/keyvalue", "0.2.0", wit_package(STORE_WIT.replace("{version}", "0.2.0")))
    assert shop.find(exports="wasi:keyvalue") == []
    assert shop.find(q="keyvalue") == ["wasi/keyvalue:0.2.0"]
