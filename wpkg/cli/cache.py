"""`wpkg cache`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import Group, option
from wpkg.cli.session import command
from wpkg.names.amount import age_text, read_age, read_size, size_text

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.registry.cache_entries import CacheEntry
    from wpkg.workflow.cache import CachedContent, Pruned


@click.group(cls=Group)
def cache() -> None:
    """Show, check and empty the cache that all projects share."""


@command(name="dir")
def show_dir(session: Session) -> None:
    """Print where the cache is: $WPKG_CACHE_DIR, else $XDG_CACHE_HOME/wpkg, else ~/.cache/wpkg."""
    session.console.result("cache.dir", {"path": str(session.cache_folder)}, [str(session.cache_folder)])


@command(name="list")
def list_contents(session: Session) -> None:
    """List the components in the cache, by what their publishers call them.

    Manifests, configs and evidence are counted; --json lists them too.
    """
    from wpkg.workflow.cache import list_cache

    listing = list_cache(session.world)
    components = [content for content in listing.contents if content.role == "component"]
    members = {
        "path": str(listing.root),
        "size": listing.size,
        "leftovers": listing.leftovers,
        "contents": [
            {**_entry_json(content.entry), "role": content.role, "names": list(content.names)}
            for content in listing.contents
        ],
    }
    others = len(listing.contents) - len(components)
    total = f"{_count(len(components), 'component')} and {_count(others, 'other file')}, {size_text(listing.size)}"
    session.console.result("cache.list", members, [*_table(components), f"{total} in {listing.root}"])


def _table(components: list[CachedContent]) -> list[str]:
    now = time.time()
    names = [", ".join(content.names) for content in components]
    width = max(map(len, names), default=0)
    return [
        f"{name:<{width}}  {size_text(content.entry.size):>10}  {content.entry.digest.short}"
        f"  used {age_text(now - content.entry.used)} ago"
        for name, content in zip(names, components, strict=True)
    ]


@command()
@option("--older-than", metavar="AGE", help="What was not used for so long: 12h, 30d, 8w.")
@option("--max-size", metavar="SIZE", help="The least recently used, until no more than SIZE is left: 2GB.")
@option("--all", "everything", is_flag=True, help="Everything.")
@option("--dry-run", is_flag=True, help="Say what would be removed.")
def prune(
    session: Session, older_than: str | None, max_size: str | None, *, everything: bool, dry_run: bool
) -> None:
    """Remove from the cache what is not needed, and what interrupted downloads have left.

    Without a limit: what was not used for 90 days. What another wpkg process is using stays: it is waited for.
    """
    from wpkg.workflow.cache import UNUSED_AGE, Limits, prune_cache

    if everything and (older_than or max_size):
        raise click.UsageError("--all leaves nothing for --older-than or --max-size to decide")
    age = read_age(older_than) if older_than is not None else None
    size = read_size(max_size) if max_size is not None else None
    if age is None and size is None:
        age = 0.0 if everything else UNUSED_AGE
    pruned = prune_cache(session.world, Limits(age, size), dry_run=dry_run)
    members = {
        "removed": [_entry_json(entry) for entry in pruned.removed],
        "leftovers": pruned.leftovers,
        "freed": pruned.freed,
        "kept": len(pruned.kept),
        "size": pruned.size,
    }
    session.console.result("cache.prune", members, _prune_lines(pruned, dry_run=dry_run))


def _prune_lines(pruned: Pruned, *, dry_run: bool) -> list[str]:
    verb, left = ("would remove", "would be left") if dry_run else ("removed", "left")
    leftovers = f" and {_count(pruned.leftovers, 'leftover')}" if pruned.leftovers else ""
    return [
        f"{verb} {_count(len(pruned.removed), 'file')}{leftovers}, {size_text(pruned.freed)}",
        f"{_count(len(pruned.kept), 'file')}, {size_text(pruned.size)} {left}",
    ]


@command()
def verify(session: Session) -> None:
    """Read everything in the cache; remove what is damaged, and fail (1) when there was any."""
    from wpkg.workflow.cache import verify_cache

    count = verify_cache(session.world)
    session.console.result("cache.verify", {"files": count, "damaged": []}, [f"{_count(count, 'file')}, all good"])


def _entry_json(entry: CacheEntry) -> dict[str, Any]:
    return {"digest": str(entry.digest), "size": entry.size, "used": int(entry.used)}


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


for subcommand in (show_dir, list_contents, prune, verify):
    cache.add_command(subcommand)
