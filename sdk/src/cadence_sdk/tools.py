"""Tools: functions that a model may call, and what the service must know to call them."""

import asyncio
import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, overload, runtime_checkable

from pydantic import BaseModel
from typing_extensions import override

ArgsSchema = type[BaseModel] | dict[str, Any]
AnyFunction = Callable[..., Any]


@runtime_checkable
class StreamFilter(Protocol):
    """Turns a tool's result into what the client is shown; may be sync or async."""

    def __call__(self, result: Any, /) -> Any:
        """Return what to show, or an awaitable of it."""
        ...


class UvTool:
    """A function with the name, description and argument schema a model needs to call it.

    It keeps the function's signature, name and docstring, and calling it calls the function.
    `metadata` is free for the author.
    """

    def __init__(  # noqa: PLR0913  # one keyword for each field of the contract
        self,
        name: str,
        description: str,
        func: AnyFunction,
        *,
        args_schema: ArgsSchema | None = None,
        metadata: Mapping[str, Any] | None = None,
        required_validate: bool = False,
        stream_tool: bool = False,
        stream_filter: StreamFilter | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.args_schema = args_schema
        self.metadata = dict(metadata or {})
        self.required_validate = required_validate
        self.stream_tool = stream_tool
        self.stream_filter = stream_filter
        self._declared: Any = func
        # A static or class method carries the function that can be called and inspected.
        self._take_function(getattr(func, "__func__", func) if _is_wrapped(func) else func)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call a sync tool; an async one raises `RuntimeError`."""
        return self.invoke(*args, **kwargs)

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Call a sync tool in this thread; an async one raises `RuntimeError`."""
        if self.is_async:
            raise RuntimeError(f"Tool '{self.name}' is async: await its ainvoke(...) instead.")
        return self.func(*args, **kwargs)

    async def ainvoke(self, *args: Any, **kwargs: Any) -> Any:
        """Await an async tool, or run a sync one in a thread so that the event loop stays free."""
        if self.is_async:
            return await self.func(*args, **kwargs)
        result = await asyncio.to_thread(self.func, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    async def filter_for_stream(self, result: Any) -> Any:
        """Return what the client is shown of a result; the same where there is no filter."""
        if self.stream_filter is None:
            return result
        shown = self.stream_filter(result)
        return await shown if inspect.isawaitable(shown) else shown

    def __get__(self, instance: object, owner: type | None = None) -> Self:
        # A tool that was declared as a method is bound like one. A function from elsewhere that a
        # class merely keeps as an attribute takes no `self`, so it stays as it is.
        if not _is_declared_in_class(self.func):
            return self
        func = self._declared.__get__(instance, owner)
        if func is self.func:
            return self
        bound = copy.copy(self)
        bound._take_function(func)  # noqa: SLF001  # a copy of this very object
        return bound

    @override
    def __repr__(self) -> str:
        return f"UvTool({self.name!r})"

    def _take_function(self, func: AnyFunction) -> None:
        self.func = func
        self.is_async = inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(
            getattr(type(func), "__call__", None)  # noqa: B004  # an object with async __call__
        )
        functools.update_wrapper(self, func, updated=())


@overload
def uvtool(func: AnyFunction, /, **options: Any) -> UvTool: ...


@overload
def uvtool(
    name_: str | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    args_schema: ArgsSchema | None = None,
    stream: bool = False,
    stream_filter: StreamFilter | None = None,
    validate: bool = False,
    **metadata: Any,
) -> Callable[[AnyFunction], UvTool]: ...


def uvtool(
    func: AnyFunction | str | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    args_schema: ArgsSchema | None = None,
    stream: bool = False,
    stream_filter: StreamFilter | None = None,
    validate: bool = False,
    **metadata: Any,
) -> UvTool | Callable[[AnyFunction], UvTool]:
    """Turn a function or method into a `UvTool`; works with and without parentheses.

    The name defaults to the function's, the description to its docstring's first line. With
    `stream` the result also goes to the client, through `stream_filter`; with `validate` it is
    checked before it is used. Further keywords become the tool's `metadata`.
    """
    given_name = func if isinstance(func, str) else name

    def decorate(function: AnyFunction) -> UvTool:
        tool_name = given_name or _name_of(function)
        return UvTool(
            tool_name,
            description or _first_line(function) or f"Tool: {tool_name}",
            function,
            args_schema=args_schema,
            metadata=metadata,
            required_validate=validate,
            stream_tool=stream,
            stream_filter=stream_filter,
        )

    return decorate if func is None or isinstance(func, str) else decorate(func)


def _is_wrapped(func: AnyFunction) -> bool:
    return isinstance(func, staticmethod | classmethod)


def _is_declared_in_class(func: AnyFunction) -> bool:
    parent, _, _ = getattr(func, "__qualname__", "").rpartition(".")
    return bool(parent) and not parent.endswith("<locals>")


def _name_of(func: AnyFunction) -> str:
    inner = getattr(func, "func", func)  # functools.partial has no name of its own
    return getattr(inner, "__name__", type(inner).__name__)


def _first_line(func: AnyFunction) -> str:
    documented = func if hasattr(func, "__name__") else type(func).__call__
    lines = (inspect.getdoc(documented) or "").strip().splitlines()
    return lines[0].strip() if lines else ""
