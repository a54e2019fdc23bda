"""The manifest that deploys what a project has published, with everything that it is linked to at run time."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wpkg.compose.links import link_plan
from wpkg.compose.match import asked_interface
from wpkg.compose.plan import make_plan
from wpkg.deploy.model import Deployment, Unit, UnitLink, wanted_import
from wpkg.deploy.table import HostTable, read_table
from wpkg.deploy.wadm import application, place_application
from wpkg.deploy.workload import place_workload, workload_deployment
from wpkg.errors import InvalidInput, LockOutOfDate, RegistryError
from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.version import Version
from wpkg.names.vocabulary import ANNOTATION_PREFIX
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Reference
from wpkg.project.lockfile import LockedPackage
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.disk import write_file
from wpkg.registry.errors import NotFound
from wpkg.workflow.build_state import load_state, stamped_digest
from wpkg.workflow.capabilities import asks_for_something, requests_of, require_allowed
from wpkg.workflow.compose import digest_composition, lay_out
from wpkg.workflow.composition import Inputs, gather_inputs
from wpkg.workflow.lock import up_to_date_lock
from wpkg.workflow.opened import OpenedProject, open_project
from wpkg.workflow.places import package_repository
from wpkg.workflow.publication import NotBuilt
from wpkg.workflow.release import fetch_release
from wpkg.workflow.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.compose.links import Contract
    from wpkg.oci.reference import Repository
    from wpkg.project.lockfile import Lock
    from wpkg.workflow.world import World

TARGETS = ("wadm", "workload")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class NotPublished(RegistryError):
    """What is to be deployed is not in its registry, or is something else there."""


class Manifest(Struct, frozen=True):
    """A manifest, and what is said beside it."""

    target: str
    document: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def yaml(self) -> str:
        """As YAML, the notes as comments above it."""
        import yaml

        text = yaml.safe_dump(self.document, sort_keys=False, allow_unicode=True, width=120)
        return "".join(f"# {note}\n" for note in self.notes) + text

    @property
    def json(self) -> str:
        """As JSON, without the notes."""
        return json.dumps(self.document, indent=2) + "\n"


def make_manifest(world: World, root: Path, target: str, output: Path | None = None) -> Manifest:
    """The manifest of the project in `root` for `target`; put in the place of `output`, too, as JSON for `.json`.

    What is deployed is what is published, by digest, and it has to be what the project and its lock make.

    Raises: CannotPlace, NotPublished, NotBuilt, NotAllowed, CompositionError, LockOutOfDate, RegistryError,
    InvalidInput.
    """
    opened = open_project(root)
    table = read_table(files("wpkg.deploy").joinpath(f"{target}.toml").read_text())
    deployment = _deployment(world, opened)
    manifest = _rendered(world, target, deployment, table)
    if output is not None:
        text = manifest.json if output.suffix == ".json" else manifest.yaml
        write_file(output, text.encode())
    return manifest


def _rendered(world: World, target: str, deployment: Deployment, table: HostTable) -> Manifest:
    if target == "wadm":
        placement = place_application(deployment, table)
        document = application(deployment, placement, lambda image: _by_digest(world, image))
    else:
        placement = place_workload(deployment, table)
        document = workload_deployment(deployment, placement)
    notes = [f"Written by wpkg from {PROJECT_FILE} and wpkg.lock for {table.release} (as of {table.as_of})."]
    notes += [f"Nothing calls the export {name}." for name in placement.uncalled]
    return Manifest(target, document, tuple(notes))


def _deployment(world: World, opened: OpenedProject) -> Deployment:
    project = opened.project
    if project.kind == "wit":
        raise InvalidInput("a WIT package is not deployed", hint="run this in the project of a component")
    lock = up_to_date_lock(world, opened, locked=True)
    raw = opened.root / project.build_artifact
    if not raw.is_file():
        raise NotBuilt(f"there is no component at {project.build_artifact}", hint="run 'wpkg build' first")
    raw_digest = stamped_digest(raw, load_state(opened.root / project.build_directory).raw)
    inputs = gather_inputs(world, opened, lock, raw_digest)
    plan, component = _planned(inputs, raw_digest)
    inputs.require_allowed(plan)
    package = project.published_name
    image = _published_image(world, opened, component)
    name = project.manifest.name or project.name
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"'{name}' is not a name that a deployment can have",
            hint='lower-case letters, digits and "-", at most 63:\n[manifest]\nname = "my-app"',
        ).within(PROJECT_FILE)
    parts = _Parts(opened, inputs, lock)
    parts.add(name, str(package), image, plan)
    return Deployment(
        name=name,
        version=str(project.version),
        units=tuple(parts.units),
        links=tuple(parts.links),
        settings=project.manifest,
        annotations={
            f"{ANNOTATION_PREFIX}/package": f"{package}@{project.version}",
            f"{ANNOTATION_PREFIX}/component": str(component),
            f"{ANNOTATION_PREFIX}/lock": str(Digest.of(lock.encode().encode())),
        },
    )


def _planned(inputs: Inputs, raw: Digest) -> tuple[Plan, Digest]:
    """The plan of what runs, and the digest of the component that it makes."""
    if not inputs.make_a_composition():
        return inputs.plan(), raw
    with Sources(inputs.files) as sources:
        composition = lay_out(sources, inputs.wiring)
        return composition.plan, digest_composition(composition, sources).digest


def _published_image(world: World, opened: OpenedProject, component: Digest) -> str:
    """The published version, by digest. Raises: NotPublished."""
    project = opened.project
    repository = package_repository(world, opened, project.published_name)
    reference = repository.at(tag=project.version.tag)
    try:
        release = fetch_release(world, reference)
    except NotFound as error:
        raise NotPublished(f"{reference} is not published", hint="run 'wpkg push' first") from error
    if release.component.digest != component:
        raise NotPublished(
            f"{reference} is {release.component.digest.short}, "
            f"and the project and its lock make {component.short}",
            hint="raise the version in wasmcloud.toml and run 'wpkg push', or check out what was published",
        )
    return _image(repository, release.manifest.digest)


def _image(repository: Repository, manifest: Digest) -> str:
    if repository.is_folder:
        raise InvalidInput(
            f"{repository} is a folder, from which no host can pull",
            hint="copy it to a registry with 'wpkg copy', and name that in [registries]",
        )
    return str(repository.at(digest=manifest))


def _by_digest(world: World, image: str) -> str:
    """The image of a provider by digest: what its tag is now, where it has no digest. Raises: RegistryError."""
    reference = Reference.parse(image)
    digest = reference.digest or world.registry.resolve(reference)
    if digest is None:
        raise NotFound(
            f"{image}, the image of a provider, is not in its registry",
            hint=f"name another one in {PROJECT_FILE}, by interface:\n[manifest.providers]\n"
            '"wasi:keyvalue/*" = "registry.example.com/keyvalue@sha256:…"',
        )
    return _image(reference.repository, digest)


class _Parts:
    """The units and links of a deployment: what is published, and from there on what is linked at run time."""

    def __init__(self, opened: OpenedProject, inputs: Inputs, lock: Lock) -> None:
        self.units: list[Unit] = []
        self.links: list[UnitLink] = []
        self._opened = opened
        self._inputs = inputs
        self._lock = lock
        self._contracts = {contract.node.name: contract for contract in inputs.wiring.contracts}
        self._names: dict[str, str] = {}  # dependency -> name in the manifest

    def add(self, name: str, package: str, image: str, plan: Plan) -> None:
        """A component, and all that it is linked to."""
        imports = {}
        for residual in plan.residuals:
            if asks_for_something(residual.extern):
                imports[residual.name] = wanted_import(residual.name, asked_interface(residual), residual.extern)
        self.units.append(Unit(name, package, image, tuple(imports.values()), plan.exports))
        for link in plan.links:
            wanted = imports.get(link.name)
            if wanted is None:
                continue  # types alone: nobody has to be called for them
            contract = self._contracts[link.dependency]
            is_service = contract.package is not None
            exporter = (link.target or link.dependency) if is_service else self._unit(contract)
            self.links.append(UnitLink(name, wanted, exporter, link.export, link.link_name, is_service))

    def _unit(self, contract: Contract) -> str:
        """The name of the unit that a dependency is, which is added if it is new."""
        dependency = contract.node.name
        if dependency not in self._names:
            name = dependency.replace(":", "-")
            self._names[dependency] = name
            plan = make_plan([contract.node])
            others = [
                replace(other, is_direct=False) for key, other in self._contracts.items() if key != dependency
            ]
            plan = link_plan(plan, others)
            capabilities = self._opened.project.capabilities
            require_allowed(requests_of(plan, capabilities, {}), capabilities)
            self.add(name, dependency, self._image_of(contract), plan)
        return self._names[dependency]

    def _image_of(self, contract: Contract) -> str:
        pin = Pin(PackageName.parse(contract.node.name), Version.parse(contract.version))
        locked = self._lock.at(pin)
        if not isinstance(locked, LockedPackage):
            raise LockOutOfDate(
                f"{pin} is on this disk, and no host can pull it from there",
                hint="publish it, and take its path out of wasmcloud.toml",
            )
        return _image(locked.source, locked.manifest)
