"""Type definitions evaluated: indices become the types that they refer to (Explainer, "Type Definitions")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.core_types import I32, I64, CoreFunc
from wpkg.component.definitions import ComponentTypeDef, InstanceTypeDef, ResourceDef, Sort
from wpkg.component.errors import MalformedComponent
from wpkg.component.scope import ScopeKind
from wpkg.component.types import (
    Borrow,
    FuncType,
    InstanceType,
    Own,
    Primitive,
    Resource,
    StreamType,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.component.definitions import Ref
    from wpkg.component.scope import Scope
    from wpkg.component.types import (
        AnyType,
        ComponentType,
        Structure,
    )

    TypeScope = Callable[[Scope, ComponentTypeDef | InstanceTypeDef, ScopeKind], ComponentType]
    Written = Primitive | Structure[Ref] | FuncType[Ref] | ComponentTypeDef | InstanceTypeDef | ResourceDef


def evaluate_type(scope: Scope, written: Written, type_scope: TypeScope) -> AnyType:
    """The type that a definition makes; `type_scope` goes through declarations. Raises: MalformedComponent."""
    match written:
        case Own() | Borrow():
            return written.map(scope.resource)
        case FuncType():
            return _func(scope, written)
        case InstanceTypeDef():
            declared = type_scope(scope, written, ScopeKind.INSTANCE_TYPE)
            return InstanceType(declared.exports, declared.created, declared.export_attributes)
        case ComponentTypeDef():
            return type_scope(scope, written, ScopeKind.COMPONENT_TYPE)
        case ResourceDef():
            return _resource(scope, written)
        case Primitive():
            return written
        case StreamType(payload=payload):
            if payload is not None and strip(scope.value(payload)) is Primitive.CHAR:
                raise MalformedComponent("a stream of char is not valid, streams of text are of u8")
    return written.map(scope.value)


def _func(scope: Scope, written: FuncType[Ref]) -> AnyType:
    func = written.map(scope.value)
    if func.result is not None and scope.work.measures.measure(func.result).has_borrow:
        raise MalformedComponent("the result of a function contains a borrow, which only parameters can")
    return func


def _resource(scope: Scope, written: ResourceDef) -> Resource:
    if written.representation not in (I32, I64):
        raise MalformedComponent("a resource is represented by i32 or i64 only")
    if written.destructor is not None:
        destructor = scope.core_item(Sort.CORE_FUNC, written.destructor)
        func = destructor.type if isinstance(destructor, CoreFunc) else None
        if func is not None and (func.params != (written.representation,) or func.results):
            raise MalformedComponent(f"a destructor has the wrong type {func}")
    resource = Resource()
    scope.created.append(resource)
    scope.local_resources[resource] = written.representation
    return resource
