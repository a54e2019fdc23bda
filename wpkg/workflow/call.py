"""Call a function that a component exports, with arguments that are JSON.

Arguments are read, to the last, before the component is compiled. Where a resource is wanted, a call that makes
one is given, `{"call": "[constructor]account", "args": ["ann"]}`, and is made when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.component.json_values import (
    ArgumentMismatch,
    Case,
    Handle,
    NotAValue,
    from_json,
    resource_name,
    shown,
    to_json,
)
from wpkg.component.types import FuncType, InstanceType, Own, ResultType, strip
from wpkg.documents.strict_json import load_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.workflow.host import Exited, Trapped, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wpkg.component.json_values import Value
    from wpkg.component.types import AnyType, ComponentType, EvaluatedFunc
    from wpkg.workflow.host import Started
    from wpkg.workflow.run import Subject

_SHOWN = 12  # functions in a hint


class UnknownFunction(InvalidInput):
    """No function that a component exports has the name, or several have."""


class NoResource(WpkgError):
    """A call that was to make a resource returned an error."""


class Function(Struct, frozen=True):
    """A function that a component exports, directly or in an interface."""

    interface: str | None
    name: str
    type: EvaluatedFunc

    def __str__(self) -> str:
        return f"{self.interface}#{self.name}" if self.interface is not None else self.name


class Call(Struct, frozen=True):
    """A function and the values for it."""

    function: Function
    arguments: tuple[Value, ...]


class Called(Struct, frozen=True):
    """What a function has returned, as JSON; None where it returns nothing."""

    function: Function
    result: Any


def call(subject: Subject, text: str, arguments: str = "[]") -> Called:
    """What the function `text` of a component returns for `arguments`, a JSON list.

    Raises: UnknownFunction, ArgumentMismatch, NotAValue, InvalidJson, NoResource, Trapped and as `host.start`.
    """
    functions = list(exported_functions(subject.component))
    function = find_function(functions, text)
    planned = _Planner(functions).plan(function, load_json(arguments.encode(errors="surrogatepass")), "args")
    try:
        started = start(subject.name, subject.path, subject.component, subject.grants, (), quiet_stdout=True)
        result = _Caller(started).call(planned)
    except Exited as exited:
        raise Trapped(
            f"the component exited with status {exited.status} before {function.name} returned"
        ) from exited
    kind = function.type.result
    return Called(function, None if kind is None else to_json(result, kind))


def exported_functions(component: ComponentType) -> Iterator[Function]:
    """The functions that a component exports, directly and in interfaces."""
    for export, extern in component.exports.items():
        if isinstance(extern, FuncType):
            yield Function(None, export, extern)
        elif isinstance(extern, InstanceType):
            for name, item in extern.exports.items():
                if isinstance(item, FuncType):
                    yield Function(export, name, item)


def find_function(functions: list[Function], text: str) -> Function:
    """The function that `text` means: `interface#name`, or `name` where one has it.

    The version may be left out, and so may `[method]` and the like. Raises: UnknownFunction.
    """
    for says in (_is_exactly, _is_shortly):
        found = [function for function in functions if says(function, text)]
        if len(found) > 1:
            raise UnknownFunction(f"several functions are called '{text}'", hint=f"say which: {_named(found)}")
        if found:
            if found[0].type.is_async:
                raise NotAValue(f"'{found[0]}' is async, and is not called by this version of wpkg")
            return found[0]
    raise UnknownFunction(
        f"no function called '{text}' is exported",
        hint=f"there are {_named(functions)}" if functions else "the component exports no functions",
    )


def _is_exactly(function: Function, text: str) -> bool:
    return text in (str(function), function.name)


def _is_shortly(function: Function, text: str) -> bool:
    interface, _, name = text.rpartition("#")
    if name not in (function.name, function.name.rpartition("]")[2]):
        return False
    owner = function.interface or ""
    return interface in ("", owner, owner.partition("@")[0], owner.partition("@")[0].rpartition("/")[2])


def _named(functions: list[Function]) -> str:
    names = [f"'{function}'" for function in functions[:_SHOWN]]
    return ", ".join(names) + (", …" if len(functions) > _SHOWN else "")


class _Planner:
    """Reads arguments."""

    def __init__(self, functions: list[Function]) -> None:
        self._functions = functions

    def plan(self, function: Function, given: object, path: str) -> Call:
        params = function.type.params
        wanted = ", ".join(name for name, _ in params)
        if not isinstance(given, list) or len(given) != len(params):
            raise ArgumentMismatch(
                path, f"a list of {len(params)}" + (f" ({wanted})" if params else ""), shown(given)
            )
        opens = self._opener(function.interface)
        values = [
            from_json(value, kind, f"{path}[{i}]", opens)
            for i, (value, (_, kind)) in enumerate(zip(given, params, strict=True))
        ]
        return Call(function, tuple(values))

    def _opener(self, interface: str | None) -> Callable[[object, str, AnyType], Handle]:
        def open_handle(value: object, path: str, resource: AnyType) -> Handle:
            if not isinstance(value, dict) or not {"call"} <= set(value) <= {"call", "args"}:
                example = f'{{"call": "[constructor]{resource_name(resource)}", "args": […]}}'
                raise ArgumentMismatch(
                    path, f"a call that makes a {resource_name(resource)}, {example}", shown(value)
                )
            text = str(value["call"])
            nearby = [function for function in self._functions if function.interface == interface]
            try:
                function = find_function(nearby if "#" not in text else self._functions, text)
            except UnknownFunction as error:
                raise error.within(path) from None
            if _made_by(function) is not strip(resource):
                raise ArgumentMismatch(path, f"a call that makes a {resource_name(resource)}", f"'{function}'")
            return Handle(self.plan(function, value.get("args", []), f"{path}.args"))

        return open_handle


def _made_by(function: Function) -> AnyType | None:
    """The resource that a function returns, if need be in a result."""
    if function.type.result is None:
        return None
    result = strip(function.type.result)
    if isinstance(result, ResultType) and result.ok is not None:
        result = strip(result.ok)
    return strip(result.resource) if isinstance(result, Own) else None


class _Caller:
    """Makes calls of an instance."""

    def __init__(self, started: Started) -> None:
        self._started = started

    def call(self, planned: Call) -> Value:
        from wpkg.workflow.host_values import from_host, to_host

        function = self._started.function(planned.function.interface, planned.function.name)
        kinds = function.type(self._started.store)
        arguments = [
            to_host(value, kind, self._open)
            for value, (_, kind) in zip(planned.arguments, kinds.params, strict=True)
        ]
        result = self._started.call(function, arguments)
        return None if kinds.result is None else from_host(result, kinds.result)

    def _open(self, handle: Handle) -> Any:
        planned: Call = handle.resource
        result, kind = self.call(planned), planned.function.type.result
        if isinstance(result, Case):
            if result.label == "error" and kind is not None:
                raise NoResource(f"{planned.function} returned {shown(to_json(result, kind))}")
            result = result.payload
        return result.resource
