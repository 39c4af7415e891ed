"""Every repository without one organization filter, for each place where one stands or is used.

A filter is a comparison with an organization; used is one where a query or a condition that holds
it is. Both are found in the source, so that a new repository needs nothing here.
"""

import ast
import copy
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, true
from sqlalchemy.sql.visitors import iterate
from typing_extensions import override

import cadence.domains
from cadence.infra.database.base import Base

OWNER = "organization_id"
NAMES = frozenset({OWNER, f"_{OWNER}"})
# What stands in a mutant for what has been taken out.
EVERYTHING, UNFILTERED = "_everything_", "_unfiltered_"


def unfiltered(thing: Any) -> Any:
    """Return a query, or a condition, without what it says of organizations."""
    if isinstance(thing, tuple):
        return tuple(unfiltered(part) for part in thing)
    if isinstance(thing, Select):
        kept = tuple(each for each in thing._where_criteria if not _names_owner(each))  # noqa: SLF001
        freed = thing._generate()  # noqa: SLF001  # as every method of a query begins
        freed._where_criteria = kept  # noqa: SLF001
        return freed
    if isinstance(thing, ColumnElement):
        return true() if _names_owner(thing) else thing
    raise TypeError(f"{thing!r} has no filter that could be taken out")


def _names_owner(clause: ColumnElement[Any]) -> bool:
    columns = [part for part in iterate(clause) if isinstance(part, Column)]
    return any(
        column.name == OWNER or column is Base.metadata.tables["organizations"].c.id
        for column in (part._deannotate() for part in columns)  # noqa: SLF001
    )


@dataclass(frozen=True, slots=True)
class Mutant:
    """A repository's module with one place changed."""

    module: ModuleType
    # Which repository the place is in; None for what any of the module's repositories may use.
    owner: str | None
    line: int
    before: str
    after: str
    tree: ast.Module

    @property
    def name(self) -> str:
        domain = self.module.__name__.split(".")[2]
        return f"{domain}, line {self.line}: {self.after} for {self.before}"

    def classes(self) -> Mapping[str, Any]:
        """Run the module and return its classes."""
        scope: dict[str, Any] = {
            "__name__": f"{self.module.__name__}_without_a_filter",
            EVERYTHING: true,
            UNFILTERED: unfiltered,
        }
        exec(compile(self.tree, f"<{self.name}>", "exec"), scope)  # noqa: S102  # the point of it
        return {name: thing for name, thing in scope.items() if inspect.isclass(thing)}


def repositories() -> list[type]:
    """Return every class of the domains that is called a repository."""
    return [
        thing
        for module in repository_modules()
        for name, thing in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Repository") and thing.__module__ == module.__name__
    ]


def repository_modules() -> list[ModuleType]:
    """Return every module of the domains that has one."""
    root = Path(next(iter(cadence.domains.__path__)))
    return [
        importlib.import_module(f"cadence.domains.{path.parent.name}.{path.stem}")
        for path in sorted(root.glob("*/*.py"))
        if any(
            isinstance(node, ast.ClassDef) and node.name.endswith("Repository")
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    ]


def mutants() -> list[Mutant]:
    """Return every mutant of every repository."""
    return [mutant for module in repository_modules() for mutant in _mutants_of(module)]


def _mutants_of(module: ModuleType) -> Iterator[Mutant]:
    tree = ast.parse(inspect.getsource(module))
    for number, place in enumerate(_places(tree)):
        changed = copy.deepcopy(tree)
        # The copy has the same places in the same order.
        target = _places(changed)[number]
        _Replacing(target.node, target.replacement).visit(changed)
        ast.fix_missing_locations(changed)
        yield Mutant(
            module=module,
            owner=place.owner,
            line=place.node.lineno,
            before=ast.unparse(place.node),
            after=ast.unparse(place.replacement),
            tree=changed,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    node: ast.expr
    replacement: ast.expr
    owner: str | None


class _Replacing(ast.NodeTransformer):
    def __init__(self, node: ast.expr, replacement: ast.expr) -> None:
        self._node = node
        self._replacement = replacement

    @override
    def visit(self, node: ast.AST) -> Any:
        return self._replacement if node is self._node else self.generic_visit(node)


def _places(tree: ast.Module) -> list[_Place]:
    found = []
    for item in tree.body:
        name = item.name if isinstance(item, ast.ClassDef) else ""
        owner = name if name.endswith("Repository") else None
        if isinstance(item, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found += [_Place(node, new, owner) for node, new in _filters(item)]
            found += [_Place(node, new, owner) for node, new in _uses(item)]
    return found


def _filters(item: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield every comparison with an organization, and what says nothing in its place."""
    everything = ast.Call(ast.Name(EVERYTHING, ast.Load()), [], [])
    for node in ast.walk(item):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq) and _is_owner_in(node):
            yield node, everything
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and _is_owner(called.value):
                yield node, everything  # such as `.is_(None)`
            elif isinstance(called, ast.Name) and called.id == "same" and _is_owner(node.args[0]):
                yield node, ast.Constant(None)


def _is_owner(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in NAMES) or (
        isinstance(node, ast.Name) and node.id in NAMES
    )


def _is_owner_in(node: ast.AST) -> bool:
    return any(_is_owner(part) for part in ast.walk(node))


def _uses(item: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield every place where something is used that holds a filter, and the same without it."""
    attributes, methods = _holding_attributes(item), _holding_methods(item)
    for node in ast.walk(item):
        is_called = isinstance(node, ast.Call) and _is_of_self(node.func, methods)
        if isinstance(node, ast.expr) and (is_called or _is_of_self(node, attributes)):
            yield node, _without(node)
    for function in ast.walk(item):
        if isinstance(function, ast.AsyncFunctionDef):
            for node in _named_queries(function, attributes, methods):
                yield node, _without(node)


def _without(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(UNFILTERED, ast.Load()), [copy.deepcopy(node)], [])


def _is_of_self(node: ast.AST, names: set[str]) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr in names
    )


def _holds(node: ast.AST, names: set[str]) -> bool:
    """Whether an expression has a filter in it that can be taken out later, perhaps by a name."""
    bare = _WithoutJoins().visit(copy.deepcopy(node))
    return next(_filters(bare), None) is not None or any(
        _is_of_self(part, names) for part in ast.walk(bare)
    )


class _WithoutJoins(ast.NodeTransformer):
    """Takes away how tables are joined, since a query cannot be freed of that."""

    @override
    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"join", "outerjoin"}:
            node.args = []
        return self.generic_visit(node)


def _holding_attributes(item: ast.AST) -> set[str]:
    held: set[str] = set()
    for node in ast.walk(item):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if _holds(node.value, held):
                held |= {one.attr for one in targets if isinstance(one, ast.Attribute)}
    return held


def _holding_methods(item: ast.AST) -> set[str]:
    """Return the methods that return a query; those that run one are told apart by `async`."""
    return {
        node.name
        for node in ast.walk(item)
        if isinstance(node, ast.FunctionDef) and node.name != "__init__" and _holds(node, set())
    }


def _named_queries(
    function: ast.AsyncFunctionDef, attributes: set[str], methods: set[str]
) -> Iterator[ast.expr]:
    """Yield the uses of a query that has a name of its own."""
    assigned = [
        (target.id, node.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    names = [name for name, _ in assigned]
    for name, value in assigned:
        is_query = not isinstance(value, ast.Await) and _holds(value, attributes | methods)
        if is_query and names.count(name) == 1:
            yield from (
                node
                for node in ast.walk(function)
                if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            )
