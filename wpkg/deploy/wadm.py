"""A wadm application (wasmCloud 1.x): components, providers, and a link for each import that is not the host's.

A link is a trait of whoever calls: of the component for its imports, of the provider for an export of the
component (wasmcloud.com, "wadm model"). All of it is by digest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from wpkg.deploy.place import Finding, place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wpkg.deploy.model import Deployment, UnitLink
    from wpkg.deploy.place import Placement, Use
    from wpkg.deploy.table import HostTable

_LinkKey = tuple[str, str, str, str]  # namespace, package, target, link name ('' for the default)


def place_application(deployment: Deployment, table: HostTable) -> Placement:
    """Where everything of an application comes from. Raises: CannotPlace."""
    obstacles = [finding for link in deployment.links for finding in _obstacles(link)]
    placement = place(deployment, table, obstacles)
    clashes = _clashes(deployment, placement)
    return place(deployment, table, clashes) if clashes else placement


def _clashes(deployment: Deployment, placement: Placement) -> list[Finding]:
    """Names that would stand for two things: everything in an application is found by its name."""
    images: dict[str, set[str | None]] = {}
    for use in placement.uses:
        images.setdefault(use.service.name, set()).add(use.service.image)
    services = {link.exporter for link in deployment.links if link.is_service}
    taken = [*(unit.name for unit in deployment.units), *services, *images]
    found = [
        Finding(
            f"'{name}' would be deployed by two images, {' and '.join(sorted(map(str, of)))}",
            f"write [manifest.providers] so that all interfaces of '{name}' have one",
        )
        for name, of in sorted(images.items())
        if len(of) > 1
    ]
    found += [
        Finding(
            f"two parts of the application would be called '{name}'", 'write [manifest]\nname = "another-name"'
        )
        for name, count in sorted(Counter(taken).items())
        if count > 1
    ]
    return found


def _obstacles(link: UnitLink) -> list[Finding]:
    """What keeps a link from running over the lattice."""
    wanted = link.wanted
    said = f"import '{wanted.name}' of '{link.importer}' cannot be linked to '{link.exporter}' over the lattice"
    line = f"compose it: take link = \"runtime\" out of the line of '{link.exporter}'"
    if wanted.interface is None:
        return [Finding(f"{said}: it is no interface", line)]
    return [Finding(f"{said}: it has {wanted.obstacle}", line)] if wanted.obstacle is not None else []


def application(deployment: Deployment, placement: Placement, resolve: Callable[[str], str]) -> dict[str, Any]:
    """The application; `resolve` says what an image is by digest."""
    components = [
        {
            "name": unit.name,
            "type": "component",
            "properties": {"image": unit.image},
            "traits": [
                {
                    "type": "spreadscaler",
                    "properties": {"instances": deployment.settings.replicas if unit is deployment.main else 1},
                },
                *_links(deployment, placement, unit.name),
            ],
        }
        for unit in deployment.units
    ]
    services = sorted({link.exporter for link in deployment.links if link.is_service})
    components += [
        {
            "name": name,
            "type": "component",
            "properties": {"application": {"name": name, "component": name}},
        }
        for name in services
    ]
    components += _providers(deployment, placement, resolve)
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {
            "name": deployment.name,
            "annotations": {"version": deployment.version, **deployment.annotations},
        },
        "spec": {"components": components},
    }


def _links(deployment: Deployment, placement: Placement, unit: str) -> list[dict[str, Any]]:
    """The links of a unit, sorted: one for all interfaces of a package that go to one target."""
    interfaces: dict[_LinkKey, set[str]] = {}
    config: dict[_LinkKey, Mapping[str, str]] = {}
    for link in deployment.links:
        if link.importer == unit and link.wanted.interface is not None:
            name = link.wanted.interface
            key = (name.namespace, name.package, link.exporter, link.link_name or "")
            interfaces.setdefault(key, set()).add(name.interface)
    for use in placement.uses:
        if use.unit == unit and not use.service.calls:
            key = (use.interface.namespace, use.interface.package, use.service.name, use.label or "")
            interfaces.setdefault(key, set()).add(use.interface.interface)
            config[key] = {**config.get(key, {}), **use.config}
    traits = []
    for key, names in sorted(interfaces.items()):
        target: dict[str, Any] = {"name": key[2]}
        if config.get(key):
            said = "-".join(part for part in (deployment.name, key[2], key[1], key[3], "config") if part)
            target["config"] = [{"name": said, "properties": dict(sorted(config[key].items()))}]
        traits.append(_link(key, sorted(names), {"target": target}))
    return traits


def _link(key: _LinkKey, interfaces: list[str], ends: dict[str, Any]) -> dict[str, Any]:
    name = {"name": key[3]} if key[3] else {}
    properties = {"namespace": key[0], "package": key[1], "interfaces": interfaces, **name, **ends}
    return {"type": "link", "properties": properties}


def _providers(
    deployment: Deployment, placement: Placement, resolve: Callable[[str], str]
) -> list[dict[str, Any]]:
    by_name: dict[str, list[Use]] = {}
    for use in placement.uses:
        by_name.setdefault(use.service.name, []).append(use)
    found = []
    for name, uses in sorted(by_name.items()):
        images = [use.service.image for use in uses if use.service.image is not None]
        provider: dict[str, Any] = {
            "name": name,
            "type": "capability",
            "properties": {"image": resolve(images[0])},
        }
        calls = [_call(deployment, use) for use in uses if use.service.calls]
        if calls:
            provider["traits"] = calls
        found.append(provider)
    return found


def _call(deployment: Deployment, use: Use) -> dict[str, Any]:
    """The link of a provider that calls an export."""
    ends: dict[str, Any] = {"target": {"name": use.unit}}
    if use.config:
        said = f"{deployment.name}-{use.service.name}-{use.interface.interface}-config"
        ends["source"] = {"config": [{"name": said, "properties": dict(sorted(use.config.items()))}]}
    key = (use.interface.namespace, use.interface.package, use.unit, "")
    return _link(key, [use.interface.interface], ends)
