"""Names within a scope: their form, that they differ, and what their annotations promise.

Explainer, "Import and Export Definitions" and "Name Uniqueness". Names differ *strongly*: also when acronyms are
written in lower case and `[method]` and `[static]` are left out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.definitions import Attribute
from wpkg.component.errors import MalformedComponent, quoted
from wpkg.component.types import (
    Borrow,
    FuncType,
    InstanceType,
    Own,
    Resource,
    ResultType,
    TypeBound,
    created,
    strip,
)
from wpkg.names.extern_name import LABEL, parse_extern_name
from wpkg.names.package_name import InvalidName
from wpkg.names.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wpkg.component.definitions import ExternName
    from wpkg.component.types import (
        AnyType,
        ExternType,
        ValueType,
    )
    from wpkg.names.extern_name import InterfaceName

_LABEL = re.compile(LABEL)
_ANNOTATED = re.compile(r"\[(constructor|method|static)\]([^.]*)(?:\.(.*))?")


@lru_cache(maxsize=4096)
def _canonical_label(text: str) -> str | None:
    """The form of a label that must be unique, None for what is no label."""
    return text.lower() if _LABEL.fullmatch(text) else None


def fault_of_labels(labels: Iterable[str], what: str) -> str | None:
    """What is wrong with the labels of one type, which name each a `what`; None for nothing."""
    seen: dict[str, str] = {}
    for label in labels:
        key = _canonical_label(label)
        if key is None:
            return f"the name of {what} {quoted(label)} is not in kebab case"
        if key in seen:
            return f"the name of {what} {quoted(label)} conflicts with {quoted(seen[key])} before it"
        seen[key] = label
    return None


class _Form(Struct, frozen=True):
    """What an extern name says. `annotation` is 'constructor', 'method', 'static', 'label' or 'interface'."""

    key: str  # strongly unique names have different ones
    annotation: str
    resource: str  # label of an annotated name's resource
    interface: InterfaceName | None


@lru_cache(maxsize=4096)
def _form(text: str) -> _Form:
    """The form of an extern name. Raises: InvalidName."""
    interface = parse_extern_name(text)
    if interface is not None:
        lowered = text.replace(f"/{interface.interface}", f"/{interface.interface.lower()}", 1)
        return _Form(lowered, "interface", "", interface)
    match = _ANNOTATED.fullmatch(text)
    if match is None:
        return _Form(text.lower(), "label", "", None)
    annotation, resource, member = match.groups()
    if annotation == "constructor":
        return _Form(text.lower(), annotation, resource, None)
    key = f"{resource}.{member}".lower() if resource.lower() != member.lower() else resource.lower()
    return _Form(key, annotation, resource, None)


class NameScope:
    """The names of one scope's imports or exports, and the resources that they give a name to.

    `introduces` is False for an instance made of items that exist, whose exports name nothing for one another.
    """

    def __init__(self, what: str, *, introduces: bool = True) -> None:
        self._what = what
        self._introduces = introduces
        self._names: dict[str, str] = {}
        self._count = 0
        self._resources: dict[AnyType, str] = {}

    def add(self, name: ExternName, extern: ExternType) -> None:
        """Take in an import or export. Raises: MalformedComponent."""
        text = name.name
        try:
            form = _form(text)
        except InvalidName as error:
            raise MalformedComponent(f"{self._what} name {quoted(text)} is not a valid extern name") from error
        first = self._names.setdefault(form.key, text)
        if len(self._names) == self._count:
            raise MalformedComponent(f"{self._what} name {quoted(text)} conflicts with {quoted(first)} before it")
        self._count += 1
        if form.resource:
            self._check_annotation(form, text, extern)
        if name.attributes:
            self._check_attributes(form, name, extern)
        if self._introduces and isinstance(extern, TypeBound) and isinstance(strip(extern.type), Resource):
            self._resources[created(extern.type)] = text

    def _check_attributes(self, form: _Form, name: ExternName, extern: ExternType) -> None:
        for attribute, value in name.attributes:
            if attribute is Attribute.EXTERNAL_ID:
                continue
            says = f"{self._what} {quoted(name.name)} has the attribute {attribute.keyword}"
            if attribute is Attribute.IMPLEMENTS:
                if not isinstance(extern, InstanceType):
                    raise MalformedComponent(f"{says}, which only instances can have")
                if form.annotation != "label":
                    raise MalformedComponent(f"{says}, which goes with a plain name")
                if not _is_interface(value):
                    raise MalformedComponent(f"{says} {quoted(value)}, which must be the name of an interface")
            elif not _completes(form, value):
                raise MalformedComponent(f"{says} {quoted(value)}, which does not complete a canonical version")

    def _check_annotation(self, form: _Form, text: str, extern: ExternType) -> None:
        says = f"{self._what} {quoted(text)}"
        if not isinstance(extern, FuncType):
            raise MalformedComponent(f"{says} is not a function, as its name says")
        if form.annotation == "static":
            if form.resource not in self._resources.values():
                raise MalformedComponent(f"{says} is of a resource that is not known here")
            return
        handle: ValueType | None
        if form.annotation == "constructor":
            if extern.is_async:
                raise MalformedComponent(f"{says} is async, which a constructor cannot be")
            handle = _constructed(extern.result)
            promised = f"must return own<{form.resource}>, or that or an error"
        else:
            first = extern.params[0] if extern.params else ("", None)
            parameter = strip(first[1]) if first[1] is not None else None
            handle = parameter.resource if first[0] == "self" and isinstance(parameter, Borrow) else None
            promised = f"must have a first parameter 'self' that is borrow<{form.resource}>"
        if handle is None:
            raise MalformedComponent(f"{says} {promised}")
        known = self._resources.get(created(handle))
        if known is None:
            raise MalformedComponent(f"{says} {promised}, whose resource has no name here")
        if known != form.resource:
            raise MalformedComponent(f"{says} {promised}, not of the resource {quoted(known)}")


def _constructed(result: ValueType | None) -> ValueType | None:
    """The resource of which a constructor's result is a new one, None when it is none."""
    found = strip(result) if result is not None else None
    if isinstance(found, ResultType):
        found = strip(found.ok) if found.ok is not None else None
    return found.resource if isinstance(found, Own) else None


def _is_interface(text: str) -> bool:
    try:
        return parse_extern_name(text) is not None
    except InvalidName:
        return False


def _completes(form: _Form, suffix: str) -> bool:
    """Whether `suffix` and the canonical version of an interface name make a version."""
    interface = form.interface
    if interface is None or not interface.version or interface.full_version is not None:
        return False
    try:
        Version.parse(interface.version + suffix)
    except InvalidVersion:
        return False
    return True
