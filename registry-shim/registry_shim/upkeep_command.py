"""The commands `registry-shim gc` and `registry-shim scrub`: translate options, call, print what came of it."""

from __future__ import annotations

import json
import secrets
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.errors import WpkgError
from wpkg.names.amount import InvalidAmount, read_age

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_shim.store.store import Store
    from registry_shim.upkeep.control import Caretaker
    from registry_shim.upkeep.orders import Collected, CollectOrder, CollectReport, Order, Report, ScrubReport

DEFAULT_GRACE = "24h"
FAILED = 6  # the exit code of RegistryError


class Duration(click.ParamType[int]):
    """An option whose value is a span of time, in seconds."""

    name = "TIME"

    def convert(self, value: str | int, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """See ParamType. Raises: InvalidAmount."""
        return value if isinstance(value, int) else int(read_age(value))


_root = click.argument("root", metavar="DIR", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command(short_help="Remove what nothing needs.")
@_root
@click.option(
    "--grace",
    default=DEFAULT_GRACE,
    show_default=True,
    type=Duration(),
    help="How long whatever a client was told of stays: 30m, 24h, 7d.",
)
@click.option("--keep-untagged", is_flag=True, help="Keep manifests that no tag names.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@_json
def gc(root: Path, *, grace: int, keep_untagged: bool, dry_run: bool, as_json: bool) -> None:
    """Remove what nothing needs from the registry in DIR, whether it is running or not.

    Kept are what tags name, the referrers of that, and whatever was pushed or asked for within the grace period.
    """
    from registry_shim.upkeep.orders import CollectOrder

    order = CollectOrder(grace, is_dry_run=dry_run, keeps_untagged=keep_untagged)
    _run("gc", root, order, as_json, _tell_collected)


@click.command(short_help="Look for damage, and mend it.")
@_root
@click.option("--repair", is_flag=True, help="Move what is damaged aside, and mend what can be mended.")
@_json
def scrub(root: Path, *, repair: bool, as_json: bool) -> None:
    """Look for damage in the registry in DIR, whether it is running or not; exit with 6 where there is some."""
    from registry_shim.upkeep.orders import ScrubOrder

    _run("scrub", root, ScrubOrder(repairs=repair), as_json, partial(_tell_scrubbed, repairs=repair))


def _run(
    name: str,
    root: Path,
    order: Order,
    as_json: bool,  # noqa: FBT001 - the option
    tell: Callable[[Any], WpkgError | None],
) -> None:
    try:
        report = _carry_out(root, order)
    except WpkgError as error:
        if not as_json:
            raise
        _print({"schema": "registry-shim.error/1", "error": _describe(error)})
        click.get_current_context().exit(error.exit_code)
    if as_json:
        from msgspec import to_builtins

        document = {name: value for name, value in to_builtins(report).items() if name != "type"}
        _print({"schema": f"registry-shim.{name}/1", **document})
        if not report.is_fine:
            click.get_current_context().exit(FAILED)
        return
    failure = tell(report)
    if failure is not None:
        raise failure


def _carry_out(root: Path, order: Order) -> Report:
    from registry_shim.gate.waiting import waiting_manifests
    from registry_shim.upkeep.work import order_for

    return order_for(root, order, lambda: secrets.token_hex(16), partial(waiting_manifests, root))


def caretaker(store: Store, root: Path, regular: CollectOrder, every: int | None) -> Caretaker:
    """What carries out orders on a `store` that is served, and the `regular` one every so many seconds.

    Raises: InvalidAmount.
    """
    from registry_shim.upkeep.control import Caretaker

    if every is not None and every < 1:
        raise InvalidAmount("nothing can be done every 0 seconds", hint="--gc-every takes a second or more")

    def carry_out(order: Order, step: Callable[[], None]) -> Report:
        from registry_shim.gate.waiting import waiting_manifests
        from registry_shim.upkeep import work

        return work.carry_out(store, partial(waiting_manifests, root), order, step)

    return Caretaker(root, carry_out, regular, every)


def _describe(error: WpkgError) -> dict[str, Any]:
    return {"code": error.code, "exit": error.exit_code, "message": str(error), "hint": error.hint}


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _tell_collected(report: CollectReport) -> WpkgError | None:
    from registry_shim.errors import NotCollected
    from registry_shim.upkeep.orders import removed

    for one in report.repositories:
        click.echo(f"{one.repository}: {one.problem or _amount(one)}")
    total = removed(report)
    amount = (
        _count(total["manifests"], "manifest"),
        _count(total["blobs"], "blob"),
        _count(total["uploads"], "upload"),
        *((_count(total["repositories"], "empty repository"),) if total["repositories"] else ()),
    )
    verb, frees = ("would remove", "frees") if report.is_dry_run else ("removed", "freed")
    click.echo(
        f"{verb} {', '.join(amount)} of {_count(report.seen, 'repository')}; "
        f"that {frees} {report.freed:,} bytes of disk"
    )
    failed = sum(one.problem is not None for one in report.repositories)
    if not failed:
        return None
    return NotCollected(
        f"nothing can safely be removed from {_count(failed, 'damaged repository')}",
        hint="registry-shim scrub DIR",
    )


def _amount(one: Collected) -> str:
    if one.is_pruned and not one.size and not one.uploads:
        return "nothing is left of it"
    return ", ".join(
        (
            _count(len(one.manifests), "manifest"),
            _count(len(one.blobs), "blob"),
            _count(one.uploads, "upload"),
            f"{one.size:,} bytes",
        )
    )


def _tell_scrubbed(report: ScrubReport, *, repairs: bool) -> WpkgError | None:
    from registry_shim.errors import DamageFound

    for found in report.findings:
        named = f" (tagged {', '.join(found.tags)})" if found.tags else ""
        done = f"; {found.repair}" if found.repair else ""
        click.echo(f"{found.repository}: {found.kind}: {found.subject}{named}: {found.what}{done}")
    click.echo(
        f"looked at {_count(report.blobs, 'blob')} of {_count(report.repositories, 'repository')}, "
        f"{report.size:,} bytes; {_count(report.absent, 'content')} named by manifests not here"
    )
    if not report.findings:
        return None
    number = _count(len(report.findings), "thing")
    if repairs:
        return DamageFound(f"{number} found damaged and seen to; what was damaged lies in _quarantine")
    return DamageFound(f"{number} found damaged", hint="registry-shim scrub DIR --repair")


def _count(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
