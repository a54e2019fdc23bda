"""Start a project: a `wasmcloud.toml` that says the least that has to be said."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput
from wpkg.names.package_name import WORDS, PackageName
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.disk import write_file

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE = """\
name = {name}
version = "0.1.0"
language = {language}
type = "component"

[component]
{build}

[package]
name = {package}

[registries]
# namespace = "registry/prefix"; a package ns:name is at <prefix>/ns/name
# default = "ghcr.io/acme"

[dependencies]
"""
_PYTHON_BUILD = """\
wit_world = "{world}"
build_command = "componentize-py -d wit -w {world} componentize app -o build/{file}.wasm"
build_artifact = "build/{file}.wasm\""""
_OTHER_BUILD = """\
# The command that makes the component; words are separated by white space, there is no shell.
# build_command = "./build.sh"
build_artifact = "build/{file}.wasm\""""


def init(root: Path, package: str | None, language: str) -> Path:
    """The project file that was written into `root`. Raises: InvalidInput when there is one, CannotWrite."""
    path = root / PROJECT_FILE
    if path.exists():
        raise InvalidInput(f"{path} exists already", hint="'wpkg add' adds dependencies to it")
    name = PackageName.parse(package) if package is not None else _default_name(root)
    build = (_PYTHON_BUILD if language == "python" else _OTHER_BUILD).format(
        world=name.name, file=name.name.replace("-", "_")
    )
    text = _TEMPLATE.format(
        name=json.dumps(name.name), language=json.dumps(language), package=json.dumps(str(name)), build=build
    )
    write_file(path, text.encode())
    return path


def _default_name(root: Path) -> PackageName:
    """`local:<folder>`, when the folder's name can be a package's."""
    folder = re.sub(r"[^0-9a-z]+", "-", root.resolve().name.lower()).strip("-")
    if re.fullmatch(WORDS, folder) is None:
        raise InvalidInput(
            f"the folder's name '{root.resolve().name}' cannot be a package's",
            hint="name it: wpkg init namespace:name",
        )
    return PackageName("local", folder)
