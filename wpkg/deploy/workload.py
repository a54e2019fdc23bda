"""A WorkloadDeployment (wasmCloud 2.x): components of one workload, and the interfaces that its host is to have.

Components of a workload are linked by the exact names of what they import and export; nothing says which (the
operator's `runtime.wasmcloud.dev/v1alpha1`). What they do not give each other, plugins do: `hostInterfaces`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.deploy.place import Finding, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.deploy.model import Deployment, Unit
    from wpkg.deploy.place import Placement
    from wpkg.deploy.table import HostTable

_MOST_INTERFACES = 64
_Key = tuple[str, str, str, str]  # namespace, package, version, name ('' for none)


def place_workload(deployment: Deployment, table: HostTable) -> Placement:
    """Where everything of a workload comes from. Raises: CannotPlace."""
    placement = place(
        deployment, table, [*_not_by_name(deployment), *_two_exporters(deployment), *_circles(deployment)]
    )
    clashes = list(_clashes(deployment, placement))
    return place(deployment, table, clashes) if clashes else placement


def _not_by_name(deployment: Deployment) -> Iterator[Finding]:
    """Links that would need something other than one name on both sides."""
    for link in deployment.links:
        said = (
            f"import '{link.wanted.name}' of '{link.importer}' cannot be linked to '{link.exporter}' in a workload"
        )
        line = f"compose it: take link = \"runtime\" out of the line of '{link.exporter}'"
        if link.wanted.interface is None:
            yield Finding(f"{said}: it is no interface", line)
        elif not link.is_service and link.export != link.wanted.name:
            yield Finding(
                f"{said}: names have to be the same, and it exports '{link.export}'",
                f"{line}, or build both against one version",
            )


def _two_exporters(deployment: Deployment) -> Iterator[Finding]:
    for unit in deployment.units:
        for wanted in unit.imports:
            exporters = [
                other.name for other in deployment.units if wanted.name in other.exports and other != unit
            ]
            if len(exporters) > 1:
                named = " and ".join(f"'{name}'" for name in exporters)
                yield Finding(
                    f"import '{wanted.name}' of '{unit.package}' is exported by {named}, and a workload does not "
                    "tell them apart",
                    "compose one of them, or leave it out",
                )


def _circles(deployment: Deployment) -> Iterator[Finding]:
    needs: dict[str, set[str]] = {}
    for link in deployment.links:
        if not link.is_service:
            needs.setdefault(link.importer, set()).add(link.exporter)
    for start in sorted(needs):
        reached: set[str] = set()
        pending = [start]
        while pending:
            new = needs.get(pending.pop(), set()) - reached
            reached |= new
            pending += new
        if start in reached:
            yield Finding(
                f"'{start}' needs itself by way of {', '.join(sorted(reached - {start})) or 'itself'}, "
                "which a workload refuses",
                "compose these components, or leave one of the links out",
            )
            return


def _clashes(deployment: Deployment, placement: Placement) -> Iterator[Finding]:
    """Several entries of one package of which not all have a name: the host could not tell them apart."""
    by_package: dict[tuple[str, str], list[_Key]] = {}
    for key in _interfaces(deployment, placement):
        by_package.setdefault(key[:2], []).append(key)
    for (namespace, package), keys in by_package.items():
        if len(keys) > 1 and not all(key[3] for key in keys):
            yield Finding(
                f"{namespace}:{package} is needed {len(keys)} times, in different versions or by different names, "
                "and a host tells them apart by name only",
                "give each a label in WIT: import cache: wasi:keyvalue/store@0.2.0-draft;",
            )
    if len(_interfaces(deployment, placement)) > _MOST_INTERFACES:
        yield Finding(
            f"the workload needs more than {_MOST_INTERFACES} packages of its host", "compose less of it"
        )


def workload_deployment(deployment: Deployment, placement: Placement) -> dict[str, Any]:
    """The WorkloadDeployment."""
    interfaces = _interfaces(deployment, placement)
    entries = []
    for (namespace, package, version, name), (names, config) in sorted(interfaces.items()):
        entry: dict[str, Any] = {"namespace": namespace, "package": package, "interfaces": sorted(names)}
        entry |= {"version": version} if version else {}
        entry |= {"name": name} if name else {}
        entry |= {"config": dict(sorted(config.items()))} if config else {}
        entries.append(entry)
    spec: dict[str, Any] = {"components": [_component(deployment, placement, unit) for unit in deployment.units]}
    if entries:
        spec["hostInterfaces"] = entries
    return {
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1",
        "kind": "WorkloadDeployment",
        "metadata": {"name": deployment.name, "annotations": dict(deployment.annotations)},
        "spec": {"replicas": deployment.settings.replicas, "template": {"spec": spec}},
    }


def _component(deployment: Deployment, placement: Placement, unit: Unit) -> dict[str, Any]:
    component: dict[str, Any] = {"name": unit.name, "image": unit.image}
    uses = [use for use in placement.uses if use.unit == unit.name]
    resources: dict[str, Any] = {}
    config = {key: value for use in uses if use.service.config_of_component for key, value in use.config.items()}
    if config:
        resources["config"] = dict(sorted(config.items()))
    if any(use.service.allowed_hosts for use in uses):
        resources["allowedHosts"] = list(deployment.settings.allowed_hosts or ())
    return component | ({"localResources": resources} if resources else {})


def _interfaces(deployment: Deployment, placement: Placement) -> dict[_Key, tuple[set[str], dict[str, str]]]:
    """What the host is to have: interfaces and configuration by package, version and name."""
    found: dict[_Key, tuple[set[str], dict[str, str]]] = {}
    for use in placement.uses:
        key = (use.interface.namespace, use.interface.package, use.interface.version, use.label or "")
        names, config = found.setdefault(key, (set(), {}))
        names.add(use.interface.interface)
        if not use.service.config_of_component:
            config.update(use.config)
    for link in deployment.links:
        if link.is_service and link.wanted.interface is not None:
            name = link.wanted.interface
            key = (name.namespace, name.package, name.version, link.wanted.label or link.exporter)
            found.setdefault(key, (set(), {}))[0].add(name.interface)
    return _merged(found)


def _merged(found: dict[_Key, tuple[set[str], dict[str, str]]]) -> dict[_Key, tuple[set[str], dict[str, str]]]:
    """The same, with one entry for all versions of a package that nobody calls by a name: it matches each."""
    versions: dict[tuple[str, str], set[str]] = {}
    for namespace, package, version, name in found:
        if not name:
            versions.setdefault((namespace, package), set()).add(version)
    merged: dict[_Key, tuple[set[str], dict[str, str]]] = {}
    for (namespace, package, version, name), (names, config) in found.items():
        several = not name and len(versions[namespace, package]) > 1
        known = merged.setdefault((namespace, package, "" if several else version, name), (set(), {}))
        known[0].update(names)
        known[1].update(config)
    return merged
