"""wasm-compose's own test cases (../shared/vectors/compose), read as its documentation says and done by wpkg.

A case that succeeds must have the same WIT and be valid; one that is refused must be refused for the same reason,
and the sentence must name the same thing. `import-components` is the one setting that is not followed: wpkg
embeds what wasm-compose would import, which has the same WIT.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.components import wasm_tools
from tests.fakes.world import fake_world
from tests.shared import vectors
from wpkg.component.errors import MalformedComponent, NotAComponent
from wpkg.component.read import read_component, read_definition
from wpkg.component.types import InstanceType
from wpkg.compose.errors import (
    DependencyCycle,
    ImportsLeft,
    InvalidChoice,
    NothingConnected,
    TypeMismatch,
    UnmergeableImports,
)
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.choice import Choice
from wpkg.wit.text import wit_text
from wpkg.workflow.compose_files import ComposeFiles, compose_files
from wpkg.workflow.sources import ComponentFile
from wpkg.workflow.wiring import Wiring

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Case:
    """A folder of the suite: which component is asked for under which name, and what is wired explicitly."""

    folder: Path
    config: dict[str, Any]
    files: dict[str, Path] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Case:
        config = folder / "config.yml"
        return cls(folder, (yaml.safe_load(config.read_text()) if config.exists() else None) or {})

    def binary(self, source: Path) -> Path:
        """The binary of a text, as the suite has it."""
        made = source.parent / "wasm" / f"{source.stem}.wasm"
        return made if made.exists() else source

    def find(self, name: str) -> Path | None:
        """The component called `name`: what `dependencies` say, else a file of that name."""
        said = self.config.get("dependencies", {}).get(name)
        if said is not None:
            path = said["path"] if isinstance(said, dict) else said
            return self.binary((self.folder / path).resolve())
        for suffix in (".wasm", ".wat"):
            if (self.folder / f"{name}{suffix}").exists():
                return self.binary(self.folder / f"{name}{suffix}")
        return None

    def command(self) -> ComposeFiles:
        self.add("root", self.find("root") or self.folder / "root.wat")
        for text in self.config.get("definitions", ()):
            self.files[text] = self.binary(self.folder / text)
        wiring = Wiring("root", tuple(self.choices), no_imports=self.config.get("disallow-imports", False))
        return ComposeFiles(tuple(ComponentFile(name, path) for name, path in self.files.items()), wiring)

    def add(self, instance: str, path: Path) -> None:
        """Take in an instance, and whatever its imports name."""
        if instance in self.files:
            return
        self.files[instance] = path
        instantiations = self.config.get("instantiations", {})
        arguments = dict((instantiations.get(instance) or {}).get("arguments", {}))
        for name in instance_imports(path):
            arguments.setdefault(name, name)
        for name, argument in arguments.items():
            export = argument.get("export") if isinstance(argument, dict) else None
            target = argument["instance"] if isinstance(argument, dict) else argument
            component = self.find((instantiations.get(target) or {}).get("dependency") or target)
            if component is not None:
                self.add(target, component)
            elif argument == name and name in instance_imports(path):
                continue  # nothing is found, so it stays an import
            self.choices.append(Choice(instance, name, target, export))


def instance_imports(path: Path) -> list[str]:
    """The instances that a component imports; none where it cannot be read, which composing it will say."""
    try:
        imports = read_component(memoryview(path.read_bytes())).imports
    except (InvalidInput, FileNotFoundError):
        return []
    return [name for name, extern in imports.items() if isinstance(extern, InstanceType)]


def cases(outcome: str) -> list[str]:
    try:
        return sorted(path.parent.name for path in vectors("compose").glob(f"*/{outcome}"))
    except (pytest.skip.Exception, pytest.fail.Exception):
        return ["missing"]


@pytest.mark.parametrize("name", cases("expected.wit.json"))
def test_composes_to_the_same_wit(name: str, tmp_path: Path) -> None:
    folder = vectors("compose") / name
    output = tmp_path / "out.wasm"
    compose_files(fake_world(tmp_path).reporter, Case.read(folder).command(), output)
    data = output.read_bytes()
    wasm_tools("validate", "--features", "all", data=data)
    found = json.loads(wasm_tools("component", "wit", "-j", data=data))
    assert found == json.loads((folder / "expected.wit.json").read_text())
    shown = wit_text(memoryview(data), read_definition(memoryview(data)))
    if name == "resources-and-aliases":  # at which wasm-tools crashes
        assert shown.notes == ("resource 'b' of the interface 'host-b' is 'a' of the interface 'host-a'",)
    else:
        assert shown.text == wasm_tools("component", "wit", data=data).decode()


# What wasm-compose's message is about, as our error and the names that its sentence must have.
REFUSED: dict[str, tuple[type[WpkgError], tuple[str, ...]]] = {
    "arg-not-satisfied": (TypeMismatch, ("'a'", "'root'")),
    "component-incorrect-version": (NotAComponent, ("a:", "version")),
    "component-missing": (InvalidInput, ("a.wat", "is not there")),
    "component-not-valid": (MalformedComponent, ("root:", "core func 0")),
    "component-not-wat": (NotAComponent, ("root:", "is text")),
    "conflict-on-import": (UnmergeableImports, ("'a'", "'b'", "'root'")),
    "def-mismatch": (TypeMismatch, ("'foo'", "'root'", "'definitions.wat'")),
    "disallow-imports": (ImportsLeft, ("'a'",)),
    "export-on-import": (InvalidChoice, ("'a'", "not among the components")),
    "incompatible-explicit-export": (TypeMismatch, ("'x'", "'a'", "'root'")),
    "instantiation-cycle": (DependencyCycle, ("'a1'", "'a2'")),
    "invalid-instantiation-arg": (InvalidChoice, ("'invalid'", "'root'")),
    "locked-dep-invalid-semver": (MalformedComponent, ("root:", "'locked-dep=<foo:add@1.0.>'")),
    "missing-explicit-dep": (InvalidInput, ("a.wat", "is not there")),
    "missing-explicit-export": (InvalidChoice, ("'a'", "'x'")),
    "missing-root": (InvalidInput, ("root.wat", "is not there")),
    "module": (NotAComponent, ("root:", "core module")),
    "no-deps": (NothingConnected, ("'root'", "imports nothing")),
    "no-deps-resolved": (NothingConnected, ("'root'", "'a'")),
    "unlocked-dep-invalid-semver": (MalformedComponent, ("root:", "'unlocked-dep=<foo:add@{>=1.0.}>'")),
}


@pytest.mark.parametrize("name", cases("error.txt"))
def test_is_refused_for_the_same_reason(name: str, tmp_path: Path) -> None:
    kind, said = REFUSED[name]
    output = tmp_path / "out.wasm"
    with pytest.raises(WpkgError) as caught:
        compose_files(fake_world(tmp_path).reporter, Case.read(vectors("compose") / name).command(), output)
    assert type(caught.value) is kind, repr(caught.value)
    assert [text for text in said if text not in str(caught.value)] == [], str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_every_case_of_the_suite_is_driven() -> None:
    folders = {path.name for path in vectors("compose").iterdir()}
    assert folders == {*REFUSED, *cases("expected.wit.json")}
    assert len(folders) == 30
