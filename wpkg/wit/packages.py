"""What WIT packages hold once everything in them has been looked up: interfaces and worlds as types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.substitute import Substitution
from wpkg.component.types import InstanceType
from wpkg.wit.errors import WitNameError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.definitions import Attribute
    from wpkg.component.substitute import Work
    from wpkg.component.types import ComponentType, ExternType


class WitInterface(Struct, frozen=True):
    """An interface. `type` stands for every instance of it: its used types are those of `uses`' own `type`."""

    name: str  # as components call it
    type: InstanceType
    uses: tuple[str, ...]  # interfaces whose types it uses
    withheld: frozenset[str] = frozenset()  # names that gates leave out


class WitWorld(Struct, frozen=True):
    """A world. `type` is that of a component that targets it; the items are what `include` puts elsewhere.

    An item is an interface, or for a function or type its `ExternType` in `type`.
    """

    name: str
    type: ComponentType
    imports: Mapping[str, WitInterface | ExternType]
    exports: Mapping[str, WitInterface | ExternType]
    attributes: Mapping[str, tuple[tuple[Attribute, str], ...]]


class WitPackages(Struct, frozen=True):
    """Packages that know each other. `root` is the one that was asked for, for example `wasi:cli@0.2.0`."""

    root: str
    interfaces: Mapping[str, WitInterface]
    worlds: Mapping[str, WitWorld]

    def world(self, text: str | None) -> WitWorld:
        """The world `text`: a name in the root package or a whole one; the only one where None.

        Raises: WitNameError.
        """
        package, _, version = self.root.partition("@")
        suffix = f"@{version}" if version else ""
        local = {
            name.removeprefix(f"{package}/").removesuffix(suffix): name
            for name in self.worlds
            if name.startswith(f"{package}/") and name.partition("@")[2] == version
        }
        if text is None:
            if len(local) == 1:
                return self.worlds[next(iter(local.values()))]
            if not local:
                raise WitNameError(f"package '{self.root}' has no world", None)
            named = ", ".join(f"'{name}'" for name in sorted(local))
            raise WitNameError(
                f"package '{self.root}' has several worlds: {named}", None, advice=f"say --world {min(local)}"
            )
        candidates = [local[text]] if text in local else _matching(text, self.worlds)
        if len(candidates) == 1:
            return self.worlds[candidates[0]]
        if candidates:
            named = ", ".join(f"'{name}'" for name in sorted(candidates))
            raise WitNameError(f"several worlds are called '{text}': {named}", None, advice="name the version too")
        if text in self.interfaces or f"{package}/{text}{suffix}" in self.interfaces:
            raise WitNameError(f"'{text}' is an interface, not a world", None)
        known = sorted(local) if ":" not in text else sorted(self.worlds)
        listed = f"the worlds are {', '.join(known)}" if known else None
        raise WitNameError(f"there is no world '{text}'", None, advice=nearest(text, known) or listed)


def _matching(text: str, names: Mapping[str, object]) -> list[str]:
    """The one of exactly that name; without a version in `text`, all of that name with one."""
    if text in names:
        return [text]
    return [name for name in names if "@" not in text and ":" in text and name.partition("@")[0] == text]


def instance_of(
    interface: WitInterface,
    interfaces: Mapping[str, WitInterface],
    instances: Mapping[str, ExternType],
    work: Work,
) -> InstanceType:
    """An instance of `interface` that uses the types of `instances`, by the names of interfaces."""
    by = Substitution(interface.type.created, work)
    for name in interface.uses:
        by.bind_extern(interfaces[name].type, instances[name])
    return InstanceType(by.externs(interface.type.exports))
