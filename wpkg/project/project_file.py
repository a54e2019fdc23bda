"""`wasmcloud.toml`: what wash v1 reads, and the tables that wpkg adds (docs/wasmcloud-toml.md).

wash's keys keep their meaning and its tables are not policed: unknown keys there are its business. In wpkg's own
tables an unknown key is an error, because a line that is silently ignored is a line that somebody relies on.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.choice import Choice
from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.reference import Repository
from wpkg.project.capabilities import Capabilities, read_capabilities, read_patterns
from wpkg.project.manifest_table import ManifestSettings, read_manifest_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.names.interface_pattern import InterfacePattern

PROJECT_FILE = "wasmcloud.toml"

_DEPENDENCY_KEYS = ("version", "oci", "path", "link", "kind", "target", "name", "interfaces")
_OF_A_PROJECT = ("capabilities", "composition", "manifest")
_RUNTIME_KEYS = ("target", "name", "interfaces")
# What a document in WAC says, where there is one.
_SAID_BY_DOCUMENT = ("root", "socket", "components", "instances", "imports", "chain", "config")
_COMPOSITION_KEYS = (*_SAID_BY_DOCUMENT, "output", "share-modules", "document")
# What a deployment calls a component or a link: both platforms take such a name as it is.
_DEPLOYED_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class InvalidProjectFile(InvalidInput):
    """`wasmcloud.toml` does not say what it has to, or says what cannot be."""


class Dependency(Struct, frozen=True):
    """One line of `[dependencies]`. Of `oci` and `path` there is at most one."""

    name: PackageName
    requirement: Requirement | None  # None where a path says enough
    oci: Repository | None = None  # an explicit repository, instead of the namespace's
    path: str | None = None  # a project's folder or a component file, from the project's folder
    link: str = "build"  # 'build': composed; 'runtime': bound by the host or lattice
    kind: str = "component"  # or 'wit': interfaces to build against, never composed
    # Of link = 'runtime' only:
    target: str | None = None  # what the deployment calls the service, where no registry holds its component
    link_name: str | None = None  # the key `name`: tells links apart that serve one interface
    interfaces: tuple[InterfacePattern, ...] | None = None  # which ones are linked; None: all that are imported


class Registries(Struct, frozen=True):
    """`[registries]`: where the packages of a namespace are, and where those of all others are."""

    namespaces: Mapping[str, str] = field(default_factory=dict)  # prefixes: 'registry' or 'registry/path'
    default: str | None = None

    def repository(self, package: PackageName) -> Repository:
        """The repository of `package`: `<prefix>/<namespace>/<name>`.

        A namespace comes from its own line and from nowhere else. Raises: InvalidProjectFile.
        """
        found = self.find(package)
        if found is None:
            raise InvalidProjectFile(
                f"no registry is configured for the namespace '{package.namespace}'",
                hint=f'add to {PROJECT_FILE}:\n[registries]\n{package.namespace} = "registry.example.com/prefix"',
            )
        return found

    def find(self, package: PackageName) -> Repository | None:
        """The same; None where nothing is said of the namespace."""
        prefix = self.namespaces.get(package.namespace, self.default)
        return None if prefix is None else Repository.parse(f"{prefix}/{package.namespace}/{package.name}")


class Composition(Struct, frozen=True):
    """`[composition]`, by default: every `link = "build"` dependency takes part, everything is inferred."""

    root: str | None = None
    components: tuple[str, ...] | None = None
    instances: Mapping[str, str] = field(default_factory=dict)  # name -> one of the components
    output: str | None = None
    imports: tuple[Choice, ...] = ()
    share_modules: bool = False
    chain: tuple[str, ...] = ()  # middleware, the outermost first
    config: Mapping[str, str] = field(
        default_factory=dict
    )  # what wasi:config/store answers, decided when composing
    document: str | None = None  # a file in WAC that says it all, instead of the keys above


class Workspace(Struct, frozen=True):
    """The file at the root of a workspace: which projects share a lock, and what they share besides."""

    members: tuple[str, ...]  # folders below the root; `*` and `?` stand for what a shell takes them for
    registries: Registries
    trust: Mapping[str, Any] | None
    has_project: bool  # whether the file is a project's, too


class Project(Struct, frozen=True):
    """A project file, read."""

    name: str
    version: Version
    kind: str  # 'component' or 'wit'
    wit: str  # the folder of its WIT package
    build_command: str | None
    build_artifact: str
    build_directory: str
    package: PackageName | None
    registries: Registries
    registries_given: bool  # whether the file itself says where packages are
    dependencies: tuple[Dependency, ...]
    composition: Composition
    capabilities: Capabilities
    manifest: ManifestSettings
    trust: Mapping[str, Any] | None  # the table as it is; wpkg.trust.policy_table reads it

    def dependency(self, name: PackageName) -> Dependency | None:
        """The dependency called `name`."""
        return next((d for d in self.dependencies if d.name == name), None)

    @property
    def published_name(self) -> PackageName:
        """The package that `wpkg push` publishes. Raises: InvalidProjectFile."""
        if self.package is None:
            raise InvalidProjectFile(
                "package.name is missing: it is the name that the project is published under",
                hint=f'add to {PROJECT_FILE}:\n[package]\nname = "namespace:{self.name}"',
            )
        return self.package

    @property
    def composed_output(self) -> str:
        """Where the composed component is written, relative to the project."""
        if self.composition.output is not None:
            return self.composition.output
        return self.build_artifact.removesuffix(".wasm") + ".composed.wasm"


def read_project(text: str) -> Project:
    """The project that `text` describes. Raises: InvalidInput."""
    try:
        return _project(Table(tomllib.loads(text), fault=InvalidProjectFile))
    except tomllib.TOMLDecodeError as error:
        raise InvalidProjectFile(f"not valid TOML: {error}").within(PROJECT_FILE) from error
    except WpkgError as error:
        raise error.within(PROJECT_FILE) from None


def read_workspace(text: str) -> Workspace | None:
    """The workspace that `text` begins; None where it is a project's file and no more. Raises: InvalidInput."""
    try:
        document = Table(tomllib.loads(text), fault=InvalidProjectFile)
        table = document.table("workspace")
        if table is None:
            return None
        table.only(("members",))
        members = table.texts("members")
        if members is None:
            raise table.fail("members", "it is missing", 'list the folders of the projects: members = ["libs/*"]')
        for member in members:
            parts = member.split("/")
            if member.startswith("/") or ".." in parts or not all(parts):
                raise table.fail("members", f"'{member}' is not a folder below the workspace")
        trust = document.table("trust")
        for key in _OF_A_PROJECT if "name" not in document else ():
            if key in document:
                raise document.fail(
                    key,
                    "it is said of a project, and this file is a workspace only",
                    "move it to each member's file",
                )
        return Workspace(
            members, _registries(document), trust.values if trust is not None else None, "name" in document
        )
    except tomllib.TOMLDecodeError as error:
        raise InvalidProjectFile(f"not valid TOML: {error}").within(PROJECT_FILE) from error
    except WpkgError as error:
        raise error.within(PROJECT_FILE) from None


def _project(document: Table) -> Project:
    name = document.required_text("name")
    version = document.parsed("version", Version.parse)
    kind = (document.text("type") or "component").strip().lower()
    if kind not in ("component", "wit"):
        raise document.fail("type", f"it is '{kind}', but wpkg packages components and WIT packages")
    component = document.table("component") or Table({}, "component", InvalidProjectFile)
    build_directory = document.text("build") or "build"
    package = document.table("package")
    if package is not None:
        package.only(("name",))
    trust = document.table("trust")
    return Project(
        name=name,
        version=version,
        kind=kind,
        wit=document.text("wit") or "wit",
        build_command=component.text("build_command"),
        build_artifact=component.text("build_artifact") or f"{build_directory}/{name}.wasm",
        build_directory=build_directory,
        package=package.parsed("name", PackageName.parse) if package is not None else None,
        registries=_registries(document),
        registries_given="registries" in document or "registry" in document,
        dependencies=_dependencies(document),
        composition=_composition(document, component),
        capabilities=read_capabilities(document.table("capabilities")),
        manifest=read_manifest_settings(document.table("manifest")),
        trust=trust.values if trust is not None else None,
    )


def _registries(document: Table) -> Registries:
    table = document.table("registries")
    namespaces = {key: table.parsed(key, _prefix) for key in table.values} if table is not None else {}
    default = namespaces.pop("default", None)
    wash = document.table("registry")
    if default is None and wash is not None and "url" in wash:
        default = wash.parsed("url", _prefix)
    return Registries(namespaces, default)


def _prefix(text: str) -> str:
    """A registry with or without a path: whatever makes a repository with `/<namespace>/<name>` behind it."""
    _repository(f"{text}/namespace/name")
    return text


def _repository(text: str) -> Repository:
    """A repository that means the same for everybody who has the project."""
    repository = Repository.parse(text)
    if repository.is_folder and repository.path.startswith("/"):
        raise InvalidProjectFile(
            f"{text} is an absolute path, which nobody else has", hint="write it relative to the project's folder"
        )
    return repository


def _dependencies(document: Table) -> tuple[Dependency, ...]:
    table = document.table("dependencies")
    if table is None:
        return ()
    found = []
    for key, value in table.items():
        try:
            name = PackageName.parse(key)
        except WpkgError as error:
            raise error.within(table.path) from None
        if isinstance(value, str):
            found.append(Dependency(name, table.parsed(key, Requirement.parse)))
            continue
        value.only(_DEPENDENCY_KEYS)
        found.append(_dependency(name, value))
    return tuple(found)


def _dependency(name: PackageName, table: Table) -> Dependency:
    path = table.text("path")
    if path is not None:
        if "oci" in table:
            raise table.fail("path", "it cannot stand beside oci: a package is in one place")
        if not path or path.startswith("/") or "\\" in path:
            raise table.fail("path", "it is not a path from the project's folder", 'write it with "/": "../local"')
    requirement = table.parsed("version", Requirement.parse) if path is None or "version" in table else None
    link = table.word("link", ("build", "runtime"), "build")
    kind = table.word("kind", ("component", "wit"), "component")
    for key in _RUNTIME_KEYS if link == "build" else ():
        if key in table:
            raise table.fail(key, "it is about a link at run time", 'write link = "runtime" beside it')
    if link == "runtime" and kind == "wit" and "target" not in table:
        raise table.fail(
            "target",
            "it is missing: a WIT package says what a service can do, not which one it is",
            'write what the deployment calls the service: target = "billing"',
        )
    return Dependency(
        name=name,
        requirement=requirement,
        oci=table.parsed("oci", _repository) if "oci" in table else None,
        path=path,
        link=link,
        kind=kind,
        target=table.parsed("target", _deployed_name) if "target" in table else None,
        link_name=table.parsed("name", _deployed_name) if "name" in table else None,
        interfaces=read_patterns(table, "interfaces"),
    )


def _deployed_name(text: str) -> str:
    if _DEPLOYED_NAME.fullmatch(text) is None:
        raise InvalidProjectFile(
            f"'{text[:80]}' is not a name that a deployment can have",
            hint="lower-case letters, digits and '-', at most 63, a letter or digit at both ends",
        )
    return text


def _composition(document: Table, component: Table) -> Composition:
    """`[composition]`, or one of the spellings of the 2025 proposal: `[compose]`, `[component.compose]`."""
    table = document.table("composition") or document.table("compose") or component.table("compose")
    if table is None:
        return Composition()
    table.only(_COMPOSITION_KEYS)
    imports, instances, config = table.table("imports"), table.table("instances"), table.table("config")
    text = table.text("document")
    for key in _SAID_BY_DOCUMENT:
        if text is not None and key in table:
            raise table.fail(key, "it cannot stand beside document, which says all of that", f"say it in {text}")
    return Composition(
        root=table.text("root") or table.text("socket"),
        components=table.texts("components"),
        instances=dict(instances.text_items()) if instances is not None else {},
        output=table.text("output"),
        imports=_choices(imports) if imports is not None else (),
        share_modules=table.flag("share-modules"),
        chain=table.texts("chain") or (),
        config=dict(config.all_texts()) if config is not None else {},
        document=text,
    )


def _choices(table: Table) -> tuple[Choice, ...]:
    try:
        return tuple(Choice.parse(imported, exported) for imported, exported in table.text_items())
    except InvalidInput as error:
        raise error.within(table.path) from None
