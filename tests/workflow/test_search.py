"""Search against a real registry-shim, and what is said of registries that cannot search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workflow.conftest import Company
from wpkg.errors import InvalidInput
from wpkg.registry.client import RegistryClient
from wpkg.registry.errors import Offline, UnexpectedAnswer
from wpkg.workflow.search import NoSearch, Search, search

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from registry_shim.pytest_plugin import StartRegistry

VALIDATION = "pay:platform/validation"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, registry_shim_factory: StartRegistry) -> Company:
    folder = tmp_path_factory.mktemp("search")
    company = Company(folder, RegistryClient(), registry_shim_factory().host)  # type: ignore[arg-type]
    company.publish("harness")
    company.publish("harness", "0.1.1")
    company.publish("validator")
    return company


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Search(exports=(VALIDATION,)), ["pay:validator 0.1.0"]),
        (Search(exports=(f"{VALIDATION}@0.1.7",)), ["pay:validator 0.1.0"]),
        (Search(exports=(f"{VALIDATION}@0.2.0",)), []),
        (Search(imports=("pay:platform",)), ["pay:harness 0.1.1"]),
        (Search(imports=("sys:io/streams",)), ["pay:harness 0.1.1", "pay:validator 0.1.0"]),
        (Search(imports=("sys:io/streams",), words=("Valid", "pay")), ["pay:validator 0.1.0"]),
        (Search(exports=("run",)), ["pay:harness 0.1.1"]),
        (Search(), ["pay:harness 0.1.1", "pay:validator 0.1.0"]),
    ],
)
def test_finds(shop: Company, wanted: Search, found: list[str]) -> None:
    root = shop.project("harness")
    searched = search(shop.world(), root, wanted)  # in the registry of the project
    assert (searched.registry, searched.is_whole) == (shop.address, True)
    assert [f"{item.package} {item.versions[0].version}" for item in searched.found] == found


def test_what_is_found(shop: Company, tmp_path: Path) -> None:
    (item,) = search(shop.world(), tmp_path, Search(imports=("pay:platform",)), shop.address).found
    assert item.repository == f"{shop.address}/demo/pay/harness"
    assert [version.tag for version in item.versions] == ["0.1.1", "0.1.0"]
    assert (item.imports, item.exports) == (("pay:platform/validation@0.1.0", "sys:io/streams@0.2.0"), ("run",))
    assert Search().matching(item.imports, ("pay:platform/validation@0.1.4",)) == ["pay:platform/validation@0.1.0"]
    assert Search().matching(item.imports, ("sys:io",)) == ["sys:io/streams@0.2.0"]
    assert Search().matching((*item.imports, "not a name/"), ("sys:io/other",)) == []


def test_a_registry_that_cannot_search(company: Company) -> None:
    with pytest.raises(NoSearch, match=r"^127\.0\.0\.1:5000 cannot search by interface$") as caught:
        search(company.world(), company.project("harness"), Search(words=("x",)))
    assert (caught.value.exit_code, caught.value.hint) == (6, "only registry-shim can; name one with --registry")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"<html>log in</html>", NoSearch),
        (b"", NoSearch),
        (b'{"items": []}', NoSearch),
        (b'{"schema": "registry-shim.search/2", "results": []}', NoSearch),
        (b'{"schema": "registry-shim.search/1", "results": 1}', UnexpectedAnswer),
        (b'{"schema": "registry-shim.search/1", "results": [{"repository": "x"}]}', UnexpectedAnswer),
        (b'{"schema": "registry-shim.search/1", "results": [], "next": -1}', UnexpectedAnswer),
    ],
)
def test_other_answers(company: Company, answer: bytes, error: type[Exception]) -> None:
    company.registry.search = lambda *_: answer  # type: ignore[method-assign]
    with pytest.raises(error):
        search(company.world(), company.project("harness"), Search(words=("x",)))


def test_answers_in_pages(company: Company) -> None:
    version = '{"tag": "1.0.0", "version": "1.0.0", "kind": "component", "digest": "sha256:0", "size": 1}'
    asked: list[str] = []

    def answer(registry: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        offset = dict(parameters)["offset"]
        asked.append(offset)
        result = f'{{"repository": "r{offset}", "package": "", "description": "", "versions": [{version}]}}'
        return f'{{"schema": "registry-shim.search/1", "results": [{result}], "next": {int(offset) + 1}}}'.encode()

    company.registry.search = answer  # type: ignore[method-assign]
    searched = search(company.world(), company.project("harness"), Search())
    assert (len(searched.found), searched.is_whole, asked) == (20, False, [str(n) for n in range(20)])


@pytest.mark.parametrize(
    ("wanted", "registry", "said"),
    [
        (Search(exports=("a b",)), "x", "'a b' is not the name of an interface"),
        (Search(imports=("wasi:x:y",)), "x", "'wasi:x:y' is not the name of an interface"),
        (Search(), "x/y", "'x/y' is more than a registry"),
        (Search(), "a b", "is not a repository"),
        (Search(), None, "nothing says which registry to search"),
    ],
)
def test_what_cannot_be_asked(
    company: Company, tmp_path: Path, wanted: Search, registry: str | None, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        search(company.world(), tmp_path, wanted, registry)
    assert company.registry.requests == []


def test_a_project_of_several_registries(company: Company) -> None:
    root = company.project("harness", extra='other = "ghcr.io/acme"\n')
    with pytest.raises(InvalidInput, match=r"it names 127\.0\.0\.1:5000, ghcr\.io"):
        search(company.world(), root, Search())
    root = company.project("harness", extra='other = "ghcr.io/acme"\ndefault = "127.0.0.1:5000/x"\n')
    with pytest.raises(NoSearch):
        search(company.world(), root, Search())


def test_offline(company: Company) -> None:
    from tests.fakes.world import offline

    with pytest.raises(Offline, match="what the search in 127.0.0.1:5000 finds"):
        search(offline(company.world()), company.project("harness"), Search())
