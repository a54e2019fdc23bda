"""Who gives each component what it needs: the host, a service of the platform, a link; and what nobody gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.deploy.table import Service
from wpkg.errors import InvalidInput
from wpkg.names.extern_name import parse_extern_name
from wpkg.names.interface_pattern import first_match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.deploy.model import Deployment, Unit, Wanted
    from wpkg.deploy.table import HostTable
    from wpkg.names.extern_name import InterfaceName


class Use(Struct, frozen=True):
    """A service that a unit uses, or that calls it, by one interface."""

    unit: str
    interface: InterfaceName
    label: str | None
    service: Service
    config: Mapping[str, str]


class Finding(Struct, frozen=True):
    """Something that cannot be placed, and the line that would change it."""

    said: str
    line: str


class CannotPlace(InvalidInput):
    """A deployment needs what nothing says where to get."""

    def __init__(self, findings: Sequence[Finding], release: str) -> None:
        first, *others = findings
        said = f", and {len(others)} more" if others else ""
        lines = dict.fromkeys([*(finding.said for finding in others), *(finding.line for finding in findings)])
        super().__init__(f"{first.said}{said} ({release})", hint="\n".join(lines))
        self.findings = tuple(findings)


class Placement(Struct, frozen=True):
    """What a deployment uses of its platform, and the exports of the main component that nothing calls."""

    uses: tuple[Use, ...]
    uncalled: tuple[str, ...]


def place(deployment: Deployment, table: HostTable, obstacles: Sequence[Finding] = ()) -> Placement:
    """Where everything comes from. `obstacles` are what the target has found by itself. Raises: CannotPlace."""
    findings = list(obstacles)
    uses: list[Use] = []
    linked = {(link.importer, link.wanted.name) for link in deployment.links}
    for unit in deployment.units:
        for wanted in unit.imports:
            if (unit.name, wanted.name) not in linked:
                _place_import(deployment, table, unit, wanted, uses, findings)
    uncalled = []
    for export in deployment.main.exports:
        interface = parse_extern_name(export)
        service = _service(deployment, table, interface, calls=True) if interface is not None else None
        if service is not None and interface is not None:
            uses.append(_use(deployment, deployment.main, interface, None, service, findings))
        else:
            uncalled.append(export)
    if findings:
        raise CannotPlace(findings, table.release)
    return Placement(tuple(uses), tuple(uncalled))


def _place_import(
    deployment: Deployment,
    table: HostTable,
    unit: Unit,
    wanted: Wanted,
    uses: list[Use],
    findings: list[Finding],
) -> None:
    interface = wanted.interface
    if interface is None:
        findings.append(
            Finding(
                f"'{unit.package}' imports the function '{wanted.name}', which no host provides",
                f"compose '{unit.package}' with a component that exports '{wanted.name}'",
            )
        )
        return
    if table.is_provided(interface) or first_match(deployment.settings.host, str(interface)) is not None:
        return
    service = _service(deployment, table, interface, calls=False)
    if service is not None:
        uses.append(_use(deployment, unit, interface, wanted.label, service, findings))
        return
    versions = table.other_versions(interface)
    known = f" in version {interface.version or 'none'} (known: {', '.join(versions)})" if versions else ""
    findings.append(
        Finding(
            f"'{unit.package}' imports '{interface}', and nothing says who provides it{known}",
            "compose it with a component that exports it, link one at run time, or say that your hosts have it:\n"
            f'[manifest]\nhost = ["{interface.unversioned}"]',
        )
    )


def _service(deployment: Deployment, table: HostTable, interface: InterfaceName, *, calls: bool) -> Service | None:
    """What serves or calls an interface, by the table or the project, whose image goes before the table's."""
    known = table.service(interface, calls=calls)
    image = deployment.settings.provider(str(interface)) if table.has_providers else None
    if image is None:
        return known
    if known is not None:
        return replace(known, image=image)
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return Service((), (), name=name, image=image, calls=calls)


def _use(
    deployment: Deployment,
    unit: Unit,
    interface: InterfaceName,
    label: str | None,
    service: Service,
    findings: list[Finding],
) -> Use:
    """The use of `service`, with its configuration; what that lacks goes to `findings`."""
    config = {**service.config, **deployment.settings.configured(str(interface))}
    missing = [key for key in service.required if not config.get(key)]
    if missing:
        keys = ", ".join(f'{key} = "…"' for key in missing)
        findings.append(
            Finding(
                f"'{interface}' of '{unit.package}' needs {' and '.join(missing)} for {service.name}",
                f'write in wasmcloud.toml:\n[manifest.config]\n"{interface.unversioned}" = {{ {keys} }}',
            )
        )
    if service.allowed_hosts and deployment.settings.allowed_hosts is None:
        findings.append(
            Finding(
                f"'{unit.package}' imports '{interface}', and every host that is not listed is denied to it",
                'list the hosts that it may reach, or say that there are none:\n[manifest]\nallowed-hosts = ["…"]',
            )
        )
    return Use(unit.name, interface, label, service, config)
