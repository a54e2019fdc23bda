"""A page over a store on disk, and real components in it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import html5lib
import pytest

from registry_shim.main import CATALOGUE_FILE
from registry_shim.page.door import Door
from registry_shim.protocol.messages import Request
from registry_shim.protocol.registry import Registry, exchange
from tests.components import from_wit, wasm_tools
from tests.shim.wire import InProcessClient, Pushed, push_blob, put
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import PackageRecord, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from registry_shim.page.facts import Judge
    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store

REGISTRY = "registry.test"
STORE_WIT = """package wasi:keyvalue@{version};
interface store { get: func(key: string) -> option<string>; }
interface batch { all: func() -> list<string>; }
"""


def keyvalue(version: str, world: str) -> bytes:
    """A component whose world, `V` standing for the version, is about that version of wasi:keyvalue."""
    return from_wit(world.replace("V", version), STORE_WIT.replace("{version}", version))


def wit_package(text: str) -> bytes:
    """The binary form of a WIT package, docs included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "package.wit"
        path.write_text(text)
        return wasm_tools("component", "wit", "--wasm", str(path))


def _text(element: Any) -> Iterator[str]:
    around = "" if element.tag in ("a", "code", "span", "wbr") else " "
    yield around + (element.text or "")
    for child in element:
        yield from _text(child)
        yield child.tail or ""
    yield around


@dataclass
class Page:
    """An answer, and its HTML as a tree."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def tree(self) -> Any:
        """Raises where the HTML is not valid."""
        return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(self.body)

    def shown(self) -> str:
        """What a person reads: blocks and white space as one space, places to break a line as nothing."""
        return " ".join("".join(_text(self.tree.find("body"))).split())

    def links(self) -> dict[str, str]:
        """Where links lead, by their text."""
        return {"".join(a.itertext()): a.get("href") for a in self.tree.iter("a")}


@dataclass
class Shop:
    """A registry with a page, in process."""

    store: Store
    root: Path
    service: Service | None = None
    judge: Judge | None = None
    is_public: Callable[[], bool] | None = None
    door: Door = field(init=False)

    def __post_init__(self) -> None:
        self.service = self.service or Registry(self.store)
        self.client = InProcessClient(self.store, str(self.root), Registry(self.store))
        self.open()

    def open(self) -> None:
        """Begin with what is on disk, as after a restart."""
        assert self.service is not None
        self.door = Door(
            self.service, self.store, self.root / CATALOGUE_FILE, REGISTRY, self.judge, self.is_public
        )

    def get(self, target: str, method: str = "GET", **headers: str) -> Page:
        path, _, query = target.partition("?")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response = exchange(self.door, Request(method, path, query, given))
        assert isinstance(response.body, bytes)
        assert str(self.root).encode() not in response.body
        answer = {name.lower(): value for name, value in response.headers}
        return Page(response.status, answer, response.body)

    def links_of(self, target: str, **headers: str) -> dict[str, str]:
        """Where the links of a page lead, by their text."""
        return self.get(target, **headers).links()

    def find(self, **parameters: str) -> list[str]:
        """'repository:tag', of the highest version, for everything that the search finds."""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        page = self.get(f"/api/v1/search?{query}")
        assert page.status == 200, page.body
        return [f"{item['repository']}:{item['versions'][0]['tag']}" for item in json.loads(page.body)["results"]]

    def publish(
        self,
        repository: str,
        tag: str,
        data: bytes,
        *,
        record: str | None = None,
        annotations: Mapping[str, str] | None = None,
        kind: str = "component",
    ) -> Pushed:
        """Push a component with its config; `record` is its package, whose version is the tag's."""
        push_blob(self.client, repository, data)
        layer = Descriptor.of("application/wasm", data, {"org.opencontainers.image.title": "x.wasm"})
        package = (
            PackageRecord(PackageName.parse(record), Version.parse(tag.removesuffix("_raw")), kind)
            if record is not None
            else None
        )
        artifact = build_artifact(layer, WasmConfig(package, (), ()), tuple((annotations or {}).items()))
        push_blob(self.client, repository, artifact.config_bytes)
        answer = put(self.client, repository, tag, artifact.manifest_bytes)
        assert answer.status == 201, answer.body
        return Pushed(artifact.manifest_bytes, IMAGE_MANIFEST)


@pytest.fixture
def shop(store: Store, root: Path) -> Iterator[Shop]:
    made = Shop(store, root)
    yield made
    made.door.close()
