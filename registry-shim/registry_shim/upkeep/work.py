"""Orders carried out on a store, in this process or in the one that has the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.errors import NoRegistry, RootInUse, UpkeepFailed
from registry_shim.store.store import LOCK_FILE, Store
from registry_shim.upkeep.collect import collect
from registry_shim.upkeep.control import ask
from registry_shim.upkeep.orders import CollectOrder
from registry_shim.upkeep.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.upkeep.collect import Step, Waiting
    from registry_shim.upkeep.orders import Order, Report


def carry_out(store: Store, waiting: Waiting, order: Order, step: Step) -> Report:
    """The report of an order on `store`. Raises: UpkeepFailed, what `step` raises."""
    try:
        if isinstance(order, CollectOrder):
            return collect(store, order, waiting, step)
        return scrub(store, order, step)
    except OSError as error:
        raise UpkeepFailed(
            f"the disk or the system failed: {error.strerror}; what was done until then holds"
        ) from error


def order_for(root: Path, order: Order, new_id: Callable[[], str], waiting: Waiting) -> Report:
    """The report of an order on whatever has `root`: a running registry, or else this process.

    Raises: NoRegistry, RootInUse, UnusableRoot, UpkeepFailed, UpkeepStopped.
    """
    if not (root / LOCK_FILE).is_file():
        what = "is no registry: it has never been served" if root.is_dir() else "is not a directory"
        raise NoRegistry(f"'{root}' {what}", hint="give the directory of 'registry-shim serve --root'")
    try:
        store = Store(root, new_id)
    except RootInUse:
        return ask(root, order)
    with store:
        return carry_out(store, waiting, order, lambda: None)
