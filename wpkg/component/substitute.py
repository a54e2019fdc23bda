"""Substitution of identities, the one operation behind imports, exports and instantiation.

Explainer, "Type Checking": importing an instance type makes its resources anew; instantiating a component
replaces what it imports by what it is given, and makes what it defines anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wpkg.component.errors import MalformedComponent
from wpkg.component.measure import Measures
from wpkg.component.types import (
    Alias,
    ComponentType,
    FuncType,
    InstanceType,
    Primitive,
    Resource,
    TypeBound,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wpkg.component.types import (
        AnyType,
        ExternType,
        Identity,
        ValueType,
    )


MAX_WORK = 250_000  # items of types gone through for one component; two of 18 MB composed take a thousand


class Work:
    """What may still be done for one component, and what was found out on the way.

    Types refer to types that refer to types, so a short file can mean a huge one.
    """

    def __init__(self, left: int = MAX_WORK) -> None:
        self._left = left
        self.measures = Measures()

    def spend(self, items: int) -> None:
        """Go through `items` more. Raises: MalformedComponent when that is too much."""
        self._left -= items
        if self._left < 0:
            raise MalformedComponent(f"its types have more than {MAX_WORK} parts")


class Substitution:
    """Identities and what stands for them.

    `fresh` are identities that are made anew, each once, when they are first met. What contains no replaced
    identity comes back as the same object.
    """

    def __init__(self, fresh: Iterable[Identity] = (), work: Work | None = None) -> None:
        self.work = work or Work()
        self._replaced: dict[Identity, Identity] = {}
        self._fresh = set(fresh)
        self._composite: dict[int, tuple[object, object]] = {}  # id -> (kept alive, result)
        self._equal: dict[tuple[int, int], tuple[AnyType, AnyType]] = {}  # ids -> (kept alive)
        self.made: list[Identity] = []

    def bind(self, identity: Identity, other: Identity) -> None:
        """Let `other` stand for `identity`; where it is an alias of it, it does already."""
        step: AnyType = other
        while step is not identity and isinstance(step, (Resource, Alias)):
            replaced = self._replaced.get(step, step)
            if replaced is not step:
                step = replaced
            elif isinstance(step, Alias):
                step = step.target
            else:
                break
        if step is identity and other is not identity:
            return
        self._replaced[identity] = other
        self._fresh.discard(identity)

    def bind_extern(self, wanted: ExternType, given: ExternType) -> None:
        """Let the types of `given` stand for those that `wanted` brings, along equal paths of names."""
        if isinstance(wanted, TypeBound) and isinstance(given, TypeBound):
            self.bind(wanted.type, given.type)
        elif isinstance(wanted, InstanceType) and isinstance(given, InstanceType):
            self.work.spend(len(wanted.exports))
            for name, extern in wanted.exports.items():
                if name in given.exports:
                    self.bind_extern(extern, given.exports[name])

    def fork(self) -> Substitution:
        """The same, to try something on; `adopt` it when that went well."""
        trial = Substitution((), self.work)
        trial.adopt(self)
        return trial

    def adopt(self, other: Substitution) -> None:
        """Take over everything that `other` says."""
        self._replaced = dict(other._replaced)
        self._fresh = set(other._fresh)
        self._composite = dict(other._composite)
        self._equal = dict(other._equal)
        self.made = list(other.made)

    def root(self, value: AnyType) -> AnyType:
        """What stands at the end of aliases and substitutions."""
        while isinstance(value, (Resource, Alias)):
            replaced = self._replaced.get(value, value)
            if replaced is not value:
                value = replaced
            elif isinstance(value, Alias):
                value = value.target
            else:
                break
        return value

    def are_known_equal(self, given: AnyType, wanted: AnyType) -> bool:
        """Whether `note_equal` was told of these two objects; what occurs often is compared once."""
        return (id(given), id(wanted)) in self._equal

    def note_equal(self, given: AnyType, wanted: AnyType) -> None:
        """Remember that `given` does for `wanted` under this substitution."""
        self._equal[id(given), id(wanted)] = (given, wanted)

    def any(self, entry: AnyType) -> AnyType:
        """`entry` with every identity replaced."""
        if isinstance(entry, (FuncType, InstanceType, ComponentType)):
            return cast("AnyType", self.extern(entry))
        return self.value(entry)

    def value(self, value: ValueType) -> ValueType:
        """`value` with every identity replaced."""
        if isinstance(value, Primitive):
            return value
        if isinstance(value, (Resource, Alias)):
            return self.identity(value)
        known = self._composite.get(id(value))
        if known is None:
            changed = False

            def change(member: ValueType) -> ValueType:
                nonlocal changed
                replaced = self.value(member)
                changed = changed or replaced is not member
                return replaced

            result = value.map(change)
            known = self._composite[id(value)] = (value, result if changed else value)
        return cast("ValueType", known[1])

    def identity(self, identity: Identity) -> Identity:
        """What stands for `identity`."""
        if identity in self._replaced:
            return self._replaced[identity]
        result: Identity = identity
        if isinstance(identity, Resource):
            if identity in self._fresh:
                result = Resource(identity.name)
                self.made.append(result)
        else:
            target = self.any(identity.target)
            if target is not identity.target or identity in self._fresh:
                result = Alias(target, identity.name)
                self.made.append(result)
        self._replaced[identity] = result
        return result

    def func(self, func: FuncType[ValueType]) -> FuncType[ValueType]:
        """`func` with every identity replaced."""
        return func.map(self.value)

    def extern(self, extern: ExternType) -> ExternType:
        """`extern` with every identity replaced that it does not bind itself."""
        if isinstance(extern, FuncType):
            return self.func(extern)
        if isinstance(extern, TypeBound):
            return TypeBound(self.identity(extern.type))
        if isinstance(extern, InstanceType):
            return InstanceType(self.externs(extern.exports), self._created(extern.created), extern.attributes)
        if isinstance(extern, ComponentType):
            return ComponentType(
                self.externs(extern.imports),
                self.externs(extern.exports),
                self._created(extern.created),
                extern.import_attributes,
                extern.export_attributes,
            )
        return extern

    def externs(self, externs: Mapping[str, ExternType]) -> dict[str, ExternType]:
        """Every one of `externs` with its identities replaced, in order. Raises: MalformedComponent, see Work."""
        self.work.spend(len(externs))
        return {name: self.extern(extern) for name, extern in externs.items()}

    def _created(self, created: tuple[Identity, ...]) -> tuple[Identity, ...]:
        """What a substituted type still brings with it."""
        return tuple([self.identity(identity) for identity in created])


def freshen(instance: InstanceType, work: Work) -> tuple[InstanceType, list[Identity]]:
    """The type of an instance that an import or export of `instance` makes, and the identities made for it."""
    if not instance.created:
        return instance, []
    substitution = Substitution(instance.created, work)
    exports = substitution.externs(instance.exports)
    return InstanceType(exports, (), instance.attributes), substitution.made
