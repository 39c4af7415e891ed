"""What can be reached from an object without going through code or what all of a process share."""

import gc
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType

# Code, and what it refers to, is one for the whole process.
_CODE = (type, ModuleType)


def reachable(start: object, kinds: tuple[type, ...], *, but: tuple[object, ...] = ()) -> set[int]:
    """Return the ids of all instances of `kinds` that `start` leads to; `but` leads nowhere."""
    seen = {id(each) for each in but}
    found: set[int] = set()
    waiting = [start]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _CODE):
            continue
        seen.add(id(each))
        if isinstance(each, kinds):
            found.add(id(each))
        waiting.extend(_next(each))
    return found


def _next(each: object) -> Iterator[object]:
    if isinstance(each, FunctionType):
        for cell in each.__closure__ or ():
            yield from gc.get_referents(cell)
        yield each.__defaults__
        yield each.__kwdefaults__
        return
    if isinstance(each, MethodType):
        yield each.__self__
        return
    yield from gc.get_referents(each)
