"""What canonical definitions make of functions, and whether their options allow it.

Canonical ABI, "Lifting and Lowering Function Types" and "Canonical Definitions". A core function whose type is not
known, because it comes out of a module, fits everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wpkg.component.canon import LOWER
from wpkg.component.core_types import I32, I64, CoreFunc, CoreFuncType, CoreMemory, CoreModuleType
from wpkg.component.definitions import CanonOption, Sort
from wpkg.component.errors import MalformedComponent
from wpkg.component.types import FuncType, FutureType, StreamType, strip

if TYPE_CHECKING:
    from wpkg.component.core_types import CoreExtern, CoreValue
    from wpkg.component.definitions import CanonDef, LiftDef, Options
    from wpkg.component.scope import Scope
    from wpkg.component.types import EvaluatedFunc

_MAX_PARAMS, _MAX_ASYNC_PARAMS = 16, 4  # core values that are passed as such, and not in memory
_ENCODINGS = (CanonOption.UTF8, CanonOption.UTF16, CanonOption.LATIN1_UTF16)

# The type of the core function that an opcode makes, for those where it is always the same.
_FIXED = {
    0x03: ((I32,), ()), 0x05: ((), ()), 0x06: ((I32,), (I32,)),
    0x0C: ((), (I32,)), 0x0D: ((I32,), ()),
    0x0E: ((), (I64,)), 0x0F: ((I32, I32, I32), (I32,)), 0x10: ((I32, I32, I32), (I32,)),
    0x11: ((I32,), (I32,)), 0x12: ((I32,), (I32,)), 0x13: ((I32,), ()), 0x14: ((I32,), ()),
    0x15: ((), (I64,)), 0x16: ((I32, I32), (I32,)), 0x17: ((I32, I32), (I32,)),
    0x18: ((I32,), (I32,)), 0x19: ((I32,), (I32,)), 0x1A: ((I32,), ()), 0x1B: ((I32,), ()),
    0x1C: ((I32, I32), (I32,)), 0x1D: ((I32, I32), ()), 0x1E: ((I32,), ()),
    0x1F: ((), (I32,)), 0x20: ((I32, I32), (I32,)), 0x21: ((I32, I32), (I32,)), 0x22: ((I32,), ()),
    0x23: ((I32, I32), ()), 0x24: ((), ()), 0x25: ((), ()),
    0x26: ((), (I32,)), 0x27: ((I32, I32), (I32,)), 0x28: ((I32,), ()), 0x29: ((), (I32,)),
    0x2A: ((I32,), (I32,)), 0x2B: ((I32,), (I32,)), 0x2C: ((I32,), (I32,)), 0x2D: ((I32,), (I32,)),
    0x40: ((I32, I32), (I32,)), 0x41: ((I32, I32), (I32,)), 0x42: ((), (I32,)),
}  # fmt: skip
_WITH_ADDRESSES = frozenset({0x0F, 0x10, 0x16, 0x17, 0x1C, 0x1D, 0x20, 0x21, 0x27, 0x40, 0x41})
_STREAMS, _FUTURES = range(0x0E, 0x15), range(0x15, 0x1C)
_READS = (0x0F, 0x16)


class Given(NamedTuple):
    """The options of one definition; each index is -1 where there is none."""

    memory: int
    realloc: int
    post_return: int
    callback: int
    is_async: bool
    is_gc: bool
    present: frozenset[CanonOption]
    is_wide: bool | None  # whether addresses have 64 bits, None where that is not known

    def need_memory(self, why: str) -> None:
        """Raises: MalformedComponent where there is no memory."""
        if self.memory < 0:
            raise MalformedComponent(f"canonical option 'memory' is required: {why}")

    def need_realloc(self, why: str) -> None:
        """Raises: MalformedComponent where there is no function that makes room."""
        self.need_memory(why)
        if self.realloc < 0:
            raise MalformedComponent(f"canonical option 'realloc' is required: {why}")

    def refuse(self, what: str, *options: CanonOption) -> None:
        """Raises: MalformedComponent where one of `options` is given."""
        for option in options:
            if option in self.present:
                raise MalformedComponent(f"canonical option '{option.keyword}' cannot be given for {what}")


def check_lift(scope: Scope, lift: LiftDef) -> EvaluatedFunc:
    """The function that `lift` makes. Raises: MalformedComponent."""
    func = scope.func_type(lift.type)
    core = _core_func(scope, lift.core_func)
    given = _check_options(scope, lift.options)
    if any(option is CanonOption.CORE_TYPE for option, _ in lift.options):
        raise MalformedComponent("canonical option 'core-type' cannot be given for a function that is lifted")
    _check_is_async(given, func)
    if given.post_return >= 0:
        after = _core_func(scope, given.post_return)
        if after is not None and (after.results or (core is not None and after.params != core.results)):
            raise MalformedComponent(f"the core function of option 'post-return' is of type {after}")
    if given.callback >= 0:
        callback = _core_func(scope, given.callback)
        if callback is not None and callback.params not in ((I32,) * 3, (I32,)):
            raise MalformedComponent(f"the core function of option 'callback' is of type {callback}")
    if given.is_gc:
        return func
    wanted = _lifted_from(scope, func, given)
    if core is not None and wanted is not None and core != wanted:
        raise MalformedComponent(f"a core function of type {core} is lifted where {wanted} is wanted")
    return func


def check_canon(scope: Scope, canon: CanonDef) -> CoreFuncType | None:
    """The type of the core function that `canon` makes, None where it is not known. Raises: MalformedComponent."""
    opcode = canon.opcode
    if opcode == LOWER:
        func = scope.func(canon.indices[0])
        given = _check_options(scope, canon.options)
        _check_lower(given, "a function that is lowered", canon.options)
        _check_is_async(given, func)
        return None if given.is_gc else _lowered_to(scope, func, given)
    if opcode == 0x09:
        return _task_return(scope, canon)
    if opcode in (0x02, 0x04):
        resource = strip(scope.resource(canon.indices[0]))
        representation = scope.local_resources.get(resource)
        if representation is None:
            raise MalformedComponent(f"type {canon.indices[0]} is not a local resource")
        return CoreFuncType(*(((representation,), (I32,)) if opcode == 0x02 else ((I32,), (representation,))))
    if opcode == 0x03:
        scope.resource(canon.indices[0])
    elif opcode in (0x0A, 0x0B):
        return _context(canon)
    is_wide: bool | None = False
    if opcode in _STREAMS or opcode in _FUTURES:
        is_wide = _stream_or_future(scope, canon)
    elif opcode in (0x1C, 0x1D):
        given = _check_options(scope, canon.options)
        _check_lower(given, "error-context.*", canon.options)
        given.refuse("error-context.*", CanonOption.ASYNC)
        given.need_memory("an error-context's message is in memory")
        if opcode == 0x1D:
            given.need_realloc("an error-context's message is put into memory")
        is_wide = given.is_wide
    elif opcode in (0x20, 0x21):
        is_wide = _memory_is_wide(scope, canon.indices[0])
    elif opcode in (0x27, 0x40, 0x41):
        _thread(scope, canon)
        is_wide = None
    if is_wide is not False and opcode in _WITH_ADDRESSES:
        return None
    return CoreFuncType(*_FIXED[opcode])


def _context(canon: CanonDef) -> CoreFuncType:
    if canon.value not in (I32, I64):
        raise MalformedComponent("context.get and context.set are of i32 or i64")
    return CoreFuncType((), (canon.value,)) if canon.opcode == 0x0A else CoreFuncType((canon.value,), ())


def _task_return(scope: Scope, canon: CanonDef) -> CoreFuncType | None:
    params = () if canon.result is None else (("v", scope.value(canon.result)),)
    given = _check_options(scope, canon.options)
    given.refuse("task.return", CanonOption.REALLOC, CanonOption.ASYNC)
    _check_lower(given, "task.return", canon.options)
    return None if given.is_gc else _lowered_to(scope, FuncType(params, None), given)


def _stream_or_future(scope: Scope, canon: CanonDef) -> bool | None:
    """Whether its memory has addresses of 64 bits."""
    index = canon.indices[0]
    found = strip(scope.at(scope.types, index, "type"))
    if not isinstance(found, StreamType if canon.opcode in _STREAMS else FutureType):
        kind = "stream" if canon.opcode in _STREAMS else "future"
        raise MalformedComponent(f"type {index} is not a {kind}")
    if canon.opcode not in (0x0F, 0x10, 0x16, 0x17):
        return False
    given = _check_options(scope, canon.options)
    _check_lower(given, "reading and writing", canon.options)
    if found.payload is not None:
        given.need_memory("what is read or written is in memory")
        if canon.opcode in _READS and scope.work.measures.measure(found.payload).has_pointer:
            given.need_realloc("what is read is put into memory")
    return given.is_wide


def _thread(scope: Scope, canon: CanonDef) -> None:
    start = scope.at(scope.core_types, canon.indices[0], "core type")
    if isinstance(start, CoreModuleType):
        raise MalformedComponent(f"core type {canon.indices[0]} is not a function type")
    if canon.opcode != 0x40:
        scope.core_item(Sort.CORE_TABLE, canon.indices[1])


# --- options -------------------------------------------------------------------------------------------


def _check_options(scope: Scope, options: Options) -> Given:
    known = scope.options.get(options)  # what was once right stays right: spaces only grow
    if known is None:
        known = scope.options[options] = _read_options(scope, options)
    return known


def _read_options(scope: Scope, options: Options) -> Given:
    given: dict[CanonOption, int] = {}
    for option, index in options:
        if option in given:
            raise MalformedComponent(f"canonical option '{option.keyword}' is specified more than once")
        given[option] = index
    encodings = [option.keyword for option in _ENCODINGS if option in given]
    if len(encodings) > 1:
        raise MalformedComponent(f"canonical options '{encodings[0]}' and '{encodings[1]}' conflict")
    is_async, is_gc = CanonOption.ASYNC in given, CanonOption.GC in given
    is_wide: bool | None = False
    if CanonOption.MEMORY in given:
        is_wide = _memory_is_wide(scope, given[CanonOption.MEMORY])
    if CanonOption.CALLBACK in given and not is_async:
        raise MalformedComponent("canonical option 'callback' needs 'async'")
    if CanonOption.POST_RETURN in given and is_async:
        raise MalformedComponent("canonical options 'post-return' and 'async' conflict")
    if CanonOption.CORE_TYPE in given:
        if not is_gc:
            raise MalformedComponent("canonical option 'core-type' needs 'gc'")
        index = given[CanonOption.CORE_TYPE]
        if isinstance(scope.at(scope.core_types, index, "core type"), CoreModuleType):
            raise MalformedComponent(f"core type {index} is not a function type")
    if CanonOption.REALLOC in given:
        if CanonOption.MEMORY not in given:
            raise MalformedComponent("canonical option 'realloc' needs 'memory'")
        realloc = _core_func(scope, given[CanonOption.REALLOC])
        addresses = [I64 if wide else I32 for wide in (False, True) if is_wide in (wide, None)]
        if realloc is not None and realloc not in [CoreFuncType((a,) * 4, (a,)) for a in addresses]:
            raise MalformedComponent(f"the core function of option 'realloc' is of type {realloc}")
    return Given(
        given.get(CanonOption.MEMORY, -1),
        given.get(CanonOption.REALLOC, -1),
        given.get(CanonOption.POST_RETURN, -1),
        given.get(CanonOption.CALLBACK, -1),
        is_async,
        is_gc,
        frozenset(given),
        is_wide,
    )


def _check_lower(given: Given, what: str, options: Options) -> None:
    given.refuse(what, CanonOption.POST_RETURN, CanonOption.CALLBACK)
    if given.is_gc and all(option is not CanonOption.CORE_TYPE for option, _ in options):
        raise MalformedComponent("canonical option 'gc' needs 'core-type' here")


def _check_is_async(given: Given, func: EvaluatedFunc) -> None:
    if given.is_async and not func.is_async:
        raise MalformedComponent("canonical option 'async' needs an async function")


def _memory_is_wide(scope: Scope, index: int) -> bool | None:
    memory: CoreExtern | None = scope.core_item(Sort.CORE_MEMORY, index)
    if not isinstance(memory, CoreMemory):
        return None
    if memory.limits.shared:
        raise MalformedComponent(f"core memory {index} is shared, which canonical options do not allow")
    return memory.limits.is_64


def _core_func(scope: Scope, index: int) -> CoreFuncType | None:
    func = scope.core_item(Sort.CORE_FUNC, index)
    return func.type if isinstance(func, CoreFunc) else None


# --- the core function's type --------------------------------------------------------------------------


def _lifted_from(scope: Scope, func: EvaluatedFunc, given: Given) -> CoreFuncType | None:
    """The type of the core function that can be lifted to `func`."""
    measures = scope.work.measures
    if measures.measure(func).has_pointer:
        if any(measures.measure(param).has_pointer for _, param in func.params):
            given.need_realloc("a parameter is put into memory")
        if func.result is not None and measures.measure(func.result).has_pointer:
            given.need_memory("the result is in memory")
    params = measures.flat_all([param for _, param in func.params])
    if len(params) > _MAX_PARAMS:
        given.need_realloc("the parameters are put into memory")
        params = (I32,)
    results: tuple[CoreValue, ...] = () if func.result is None else measures.flat(func.result)
    if given.is_async:
        if len(results) > _MAX_PARAMS:
            given.need_memory("the result is in memory")
        results = (I32,) if given.callback >= 0 else ()
    elif len(results) > 1:
        given.need_memory("the result is in memory")
        results = (I32,)
    return CoreFuncType(params, results) if given.is_wide is False else None


def _lowered_to(scope: Scope, func: EvaluatedFunc, given: Given) -> CoreFuncType | None:
    """The type of the core function that `func` is lowered to."""
    measures = scope.work.measures
    if given.is_wide is None:  # in memory of a module that is not read: only whether it can be put there matters
        if given.realloc < 0 and func.result is not None and measures.measure(func.result).has_pointer:
            given.need_realloc("the result is put into memory")
        return None
    if measures.measure(func).has_pointer:
        if any(measures.measure(param).has_pointer for _, param in func.params):
            given.need_memory("a parameter is in memory")
        if func.result is not None and measures.measure(func.result).has_pointer:
            given.need_realloc("the result is put into memory")
    params = measures.flat_all([param for _, param in func.params])
    if len(params) > (_MAX_ASYNC_PARAMS if given.is_async else _MAX_PARAMS):
        given.need_memory("the parameters are in memory")
        params = (I32,)
    results: tuple[CoreValue, ...] = () if func.result is None else measures.flat(func.result)
    if (given.is_async and func.result is not None) or len(results) > 1:
        given.need_memory("the result is put into memory")
        params, results = (*params, I32), ()
    if given.is_async:
        results = (I32,)
    return CoreFuncType(params, results) if given.is_wide is False else None
