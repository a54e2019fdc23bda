"""`[capabilities]`: what the result may ask of the host (docs/capabilities.md).

The rules, in this order, for an import that a component brings:

1. what a `deny` matches, the general one or the component's own, is refused;
2. the component's own `allow` decides, where it has one;
3. else the general `allow` decides, where there is one;
4. else it may be asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wpkg.errors import WpkgError
from wpkg.names.interface_pattern import InterfacePattern, first_match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.documents.toml_table import Table

_RULE_KEYS = ("allow", "deny", "denied")
REFUSE, TRAP, ERROR = "refuse", "trap", "error"
_DENIALS = (REFUSE, TRAP, ERROR)


class CapabilityRules(Struct, frozen=True):
    """`allow`, `deny` and `denied` of one table. `allow` is None where the table says nothing of it."""

    allow: tuple[InterfacePattern, ...] | None = None
    deny: tuple[InterfacePattern, ...] = ()
    # What becomes of an import that is denied: 'refuse' it when building, or satisfy it inside the composition by
    # a component that traps ('trap') or returns the interface's error ('error'). None: the table does not say.
    denied: str | None = None


class Verdict(Struct, frozen=True):
    """Whether an import may be asked for, and what says so."""

    is_allowed: bool
    because: str  # "denied by 'wasi:sockets/*'", "allowed by …", "no rule is about it", …
    is_explicit: bool  # whether an `allow` names it; False where nothing forbids it, either
    denied: str = REFUSE  # what becomes of it when it is not allowed
    is_denied: bool = False  # whether a `deny` names it; False where it merely is not among what is allowed

    @property
    def is_isolated(self) -> bool:
        """Whether it is satisfied inside, by a component that denies it, instead of being refused."""
        return not self.is_allowed and self.denied != REFUSE


class Capabilities(Struct, frozen=True):
    """The table: rules for everybody, and rules for single components by the name that they have here."""

    general: CapabilityRules = CapabilityRules()
    components: Mapping[str, CapabilityRules] = field(default_factory=dict)

    @property
    def says_something(self) -> bool:
        """Whether there is any rule."""
        return bool(self.components) or self.general != CapabilityRules()

    def rules_for(self, *names: str) -> CapabilityRules:
        """The rules of the component that goes by `names`: its name in the composition, its package."""
        return next((self.components[name] for name in names if name in self.components), CapabilityRules())

    def verdict(self, interface: str, *names: str) -> Verdict:
        """Whether the component that goes by `names` may ask the host for `interface`.

        `interface` is an extern name; for a label that implements an interface, the interface.
        """
        own = self.rules_for(*names)
        denied = own.denied or self.general.denied or REFUSE
        for patterns, whose in ((own.deny, f" of '{names[0]}'" if names else ""), (self.general.deny, "")):
            if pattern := first_match(patterns, interface):
                return Verdict(False, f"denied{whose} by '{pattern}'", False, denied, is_denied=True)
        allow, whose = (own.allow, f" of '{names[0]}'") if own.allow is not None else (self.general.allow, "")
        if allow is None:
            return Verdict(is_allowed=True, because="no rule is about it", is_explicit=False)
        if pattern := first_match(allow, interface):
            return Verdict(is_allowed=True, because=f"allowed{whose} by '{pattern}'", is_explicit=True)
        return Verdict(
            is_allowed=False, because=f"not among what is allowed{whose}", is_explicit=False, denied=denied
        )


def read_capabilities(table: Table | None) -> Capabilities:
    """The rules in `[capabilities]`. Raises: InvalidInput."""
    if table is None:
        return Capabilities()
    components = {}
    for key in table.values:
        if key in _RULE_KEYS:
            continue
        if not isinstance(table.values[key], dict):
            table.only(_RULE_KEYS)  # says which key was meant
        if (rules := table.table(key)) is not None:
            rules.only(_RULE_KEYS)
            components[key] = _rules(rules)
    return Capabilities(_rules(table), components)


def _rules(table: Table) -> CapabilityRules:
    deny = read_patterns(table, "deny") or ()
    denied = table.word("denied", _DENIALS, "") or None
    return CapabilityRules(read_patterns(table, "allow"), deny, denied)


def read_patterns(table: Table, key: str) -> tuple[InterfacePattern, ...] | None:
    """An array of patterns, None when absent. Raises: InvalidInput."""
    texts = table.texts(key)
    try:
        return tuple(InterfacePattern.parse(text) for text in texts) if texts is not None else None
    except WpkgError as error:
        raise error.within(table.where(key)) from None
