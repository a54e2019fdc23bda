"""Search: which components of a registry export or import an interface. Only registry-shim can say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.documents.strict_json import InvalidJson, Members, load_json
from wpkg.errors import InvalidInput, RegistryError
from wpkg.names.extern_name import parse_extern_name, track_key
from wpkg.names.package_name import InvalidName, PackageName
from wpkg.oci.reference import Repository
from wpkg.registry.errors import NotFound, UnexpectedAnswer
from wpkg.workflow.locate import workspace_here

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.workflow.world import World

SCHEMA = "registry-shim.search/1"
MAX_ANSWERS = 20  # pages that are asked for; more hits than they hold are no answer to a person
PAGE_LENGTH = 100


class NoSearch(RegistryError):
    """A registry does not offer search by interface."""


class FoundVersion(Struct, frozen=True):
    """A version that answers the search."""

    tag: str
    version: str  # '' where its config has no record
    kind: str
    digest: str  # of the manifest
    size: int  # bytes, of all that it lists


class FoundPackage(Struct, frozen=True):
    """A repository in which something answers; `imports` and `exports` are those of its first version."""

    repository: str  # with the registry
    package: str  # '' where its config has no record
    description: str
    versions: tuple[FoundVersion, ...]  # the highest first, at least one
    imports: tuple[str, ...]
    exports: tuple[str, ...]


class Search(Struct, frozen=True):
    """What is looked for; all of it must hold."""

    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def matching(self, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
        """Those of `names`, imports or exports of a component, that any of `wanted` means."""
        return [name for name in names if any(_means(item, name) for item in wanted)]


class Searched(Struct, frozen=True):
    """What a registry has found."""

    registry: str
    found: tuple[FoundPackage, ...]
    is_whole: bool  # False where there is more than was asked for


def search(world: World, root: Path, wanted: Search, registry: str | None = None) -> Searched:
    """What `registry` has, by default that of the project in `root`.

    Raises: InvalidInput, NoSearch, RegistryError.
    """
    for item in (*wanted.exports, *wanted.imports):
        _check_interface(item)
    host = _checked(registry) if registry is not None else _project_registry(root)
    parameters = [("exports", item) for item in wanted.exports] + [("imports", item) for item in wanted.imports]
    if wanted.words:
        parameters.append(("q", " ".join(wanted.words)))
    found: list[FoundPackage] = []
    following: int | None = 0
    for _ in range(MAX_ANSWERS):
        page, following = _ask(world, host, [*parameters, ("n", str(PAGE_LENGTH)), ("offset", str(following))])
        found += page
        if following is None:
            break
    return Searched(host, tuple(found), following is None)


def _ask(
    world: World, registry: str, parameters: Sequence[tuple[str, str]]
) -> tuple[list[FoundPackage], int | None]:
    try:
        data = world.registry.search(registry, parameters)
    except NotFound as error:
        raise _no_search(registry) from error
    try:
        members = Members(load_json(data))
        if members.optional_text("schema") != SCHEMA:
            raise _no_search(registry)
        found = [_package(registry, item) for item in members.objects("results")]
        return found, members.size("next") if "next" in members else None
    except InvalidJson as error:
        if data.lstrip()[:1] == b"{":
            raise UnexpectedAnswer(f"search in {registry}: {error}") from error
        raise _no_search(registry) from error  # some answer every path with a page for people


def _no_search(registry: str) -> NoSearch:
    return NoSearch(
        f"{registry} cannot search by interface", hint="only registry-shim can; name one with --registry"
    )


def _package(registry: str, members: Members) -> FoundPackage:
    """Raises: InvalidJson."""
    versions = tuple(
        FoundVersion(
            item.text("tag"), item.text("version"), item.text("kind"), item.text("digest"), item.size("size")
        )
        for item in members.objects("versions")
    )
    if not versions:
        raise InvalidJson("a result has no versions")
    return FoundPackage(
        f"{registry}/{members.text('repository')}",
        members.text("package"),
        members.text("description"),
        versions,
        members.texts("imports"),
        members.texts("exports"),
    )


def _check_interface(text: str) -> None:
    """Raises: InvalidInput for what no component could import or export."""
    try:
        if ":" in text and "/" not in text:
            PackageName.parse(text)
        else:
            parse_extern_name(text)
    except InvalidName as error:
        raise InvalidInput(
            f"'{text}' is not the name of an interface",
            hint="write ns:package/interface, with @version where only its semver track will do, or ns:package",
        ) from error


def _means(wanted: str, name: str) -> bool:
    try:
        found = parse_extern_name(name)
    except InvalidName:
        found = None  # of a grammar that this version does not know
    if found is None or wanted == name:
        return wanted == name
    if "/" not in wanted:
        return wanted == f"{found.namespace}:{found.package}"
    if "@" not in wanted:
        return wanted == found.unversioned
    return track_key(wanted) == track_key(name)


def _checked(registry: str) -> str:
    Repository.parse(f"{registry}/namespace/name")  # or it would be no registry
    if "/" in registry:
        raise InvalidInput(f"'{registry}' is more than a registry", hint="write host or host:port")
    return registry


def _project_registry(root: Path) -> str:
    """The registry that the project in `root` publishes to and reads from. Raises: InvalidInput."""
    opened = workspace_here(root)
    if opened is None:
        raise InvalidInput("nothing says which registry to search", hint="name one with --registry HOST")
    registries = opened.registries
    prefixes = [registries.default] if registries.default is not None else sorted(registries.namespaces.values())
    hosts = sorted({prefix.partition("/")[0] for prefix in prefixes if not prefix.startswith("dir:")})
    if len(hosts) != 1:
        said = f"it names {', '.join(hosts)}" if hosts else "it names none"
        raise InvalidInput(
            f"wasmcloud.toml does not say which registry to search: {said}",
            hint="name one with --registry HOST, or set 'default' under [registries]",
        )
    return hosts[0]
