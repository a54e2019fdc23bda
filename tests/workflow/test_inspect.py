from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

import pytest

from tests.unit.wit.cases import LIB
from tests.wit import binary_package
from wpkg.component.nesting import Contents
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import read_lock
from wpkg.registry.errors import Offline
from wpkg.registry.offline import OfflineRegistry
from wpkg.workflow.build import build
from wpkg.workflow.inspect import Asked, inspect
from wpkg.workflow.push import push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

DEPENDS = '\n[dependencies]\n"pay:harness" = "^0.1"\n'
WIT = Asked(identity=False)
TREE = Asked(identity=False, tree=True)


@pytest.fixture
def built(company: Company) -> tuple[Company, Path]:
    """The validator, composed with the harness that the platform published."""
    company.publish("harness")
    root = company.project("validator", extra=DEPENDS)
    build(company.world(), root, compose=True)
    return company, root


def test_the_parts_of_a_composition_are_the_locked_and_the_built_component(built: tuple[Company, Path]) -> None:
    company, root = built
    composed = root / "build" / "validator.composed.wasm"
    tree = inspect(company.world(), root, str(composed), TREE).tree
    assert tree is not None
    assert tree.digest == Digest.of(composed.read_bytes())
    [locked] = read_lock((root / "wpkg.lock").read_text()).packages
    raw = Digest.of((root / "build" / "validator.wasm").read_bytes())
    assert {part.name: part.digest for part in tree.components} == {
        "pay:harness": locked.component,
        "pay:validator": raw,
    }


def test_a_published_composition_has_the_same_tree(built: tuple[Company, Path]) -> None:
    company, root = built
    composed = root / "build" / "validator.composed.wasm"
    push(company.world(), root, company.bank_key)
    published = inspect(company.world("c"), root, "pay:validator@0.1.0", TREE)
    assert published.tree == inspect(company.world(), root, str(composed), TREE).tree
    assert isinstance(published.tree, Contents)
    assert published.kind == "composed"
    assert published.claims is None  # nobody asked


def test_a_wit_package_in_a_registry_is_shown(company: Company) -> None:
    """As `wkg` publishes them, and with the record that wpkg adds."""
    data = binary_package(LIB)
    repository = company.repository("lib")
    layer = Descriptor.of(WASM_LAYER, data)
    record = PackageRecord(PackageName.parse("ns:lib"), Version.parse("1.0.0"), "wit")
    for tag, said in (("1.0.0", record), ("plain", None)):
        artifact = build_artifact(layer, WasmConfig(said, (), ()))
        company.registry.push_blob(repository, layer, functools.partial(io.BytesIO, data))
        company.registry.push_blob(
            repository, artifact.config, functools.partial(io.BytesIO, artifact.config_bytes)
        )
        company.registry.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, tag)
        found = inspect(company.world(), company.folder, f"{repository}:{tag}")
        assert (found.kind, found.digest, found.size) == ("wit", Digest.of(data), len(data))
        assert found.wit.text.startswith("package ns:lib@1.0.0;\n\ninterface types {\n")
        assert found.imports == found.exports == ()
        assert found.claims == ()


def test_what_is_in_the_cache_is_shown_without_a_connection(built: tuple[Company, Path]) -> None:
    company, root = built
    pushed = push(company.world(), root, company.bank_key)
    digest = next(iter(pushed.artifacts)).publication.artifact.manifest.digest
    reference = f"{company.repository('validator')}@{digest}"
    world = company.world("c")
    online = inspect(world, root, reference, WIT)
    offline = type(world)(
        registry=OfflineRegistry(),
        cache=world.cache,
        environment=world.environment,
        random_bytes=world.random_bytes,
        run=world.run,
        reporter=world.reporter,
    )
    assert inspect(offline, root, reference, WIT) == online
    with pytest.raises(Offline):
        inspect(offline, root, reference)  # who says to have signed it is asked of the registry
