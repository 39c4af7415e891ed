"""Finds the plugin's class among the definitions of `plugin.py`, unexecuted."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cadence_sdk.checking.contents import PLUGIN_FILE
from cadence_sdk.checking.problems import Code, PackageRejected, Problem
from cadence_sdk.checking.scopes import FunctionNode, Modules, Scope, last_name

BASE_CLASS: Final = "BasePlugin"
_REQUIRED_METHODS: Final = ("get_metadata", "create_agent")
# No real plugin has more ancestors; without a bound, thousands of classes cost their square.
_LONGEST_LINEAGE: Final = 30


@dataclass(frozen=True, slots=True)
class Method:
    """A method, the class that defines it and the module that class is in."""

    node: FunctionNode
    owner: ast.ClassDef
    scope: Scope


@dataclass(frozen=True, slots=True)
class PluginClass:
    """A class of the package together with its ancestors in the package, nearest first."""

    lineage: tuple[tuple[ast.ClassDef, Scope], ...]

    @property
    def node(self) -> ast.ClassDef:
        """The class itself."""
        return self.lineage[0][0]

    @property
    def scope(self) -> Scope:
        """The module that defines the class."""
        return self.lineage[0][1]

    def find_method(self, name: str) -> Method | None:
        """Return the method that a call would reach, if it is a plain `def` of the package."""
        for owner, scope in self.lineage:
            defined = _members(owner).get(name)
            if isinstance(defined, FunctionNode):
                return Method(defined, owner, scope)
            if defined is not None:
                return None
        return None

    def missing_methods(self) -> list[str]:
        """Return the required methods that the class lacks or leaves abstract."""
        return [name for name in _REQUIRED_METHODS if not self._defines(name)]

    def _defines(self, name: str) -> bool:
        nearest = (_members(owner).get(name) for owner, _ in self.lineage)
        defined = next((member for member in nearest if member is not None), None)
        return defined is not None and not _is_abstract(defined)


def find_plugin_class(modules: Modules) -> PluginClass:
    """Return the one concrete `BasePlugin` subclass of `plugin.py`.

    Raises `PackageRejected` when there is none, or when there are several, naming them.
    """
    scope = modules.get(PLUGIN_FILE)
    derived = [
        PluginClass(tuple(lineage))
        for node in scope.classes.values()
        if (lineage := _lineage(modules, node, scope)) is not None
    ]
    concrete = [plugin for plugin in derived if not plugin.missing_methods()]
    if len(concrete) == 1:
        return concrete[0]
    raise PackageRejected([_several(concrete) if concrete else _none(derived)])


def _lineage(
    modules: Modules, node: ast.ClassDef, scope: Scope
) -> list[tuple[ast.ClassDef, Scope]] | None:
    """Return the class and its ancestors in the package, or None if it is no plugin's class."""
    lineage: list[tuple[ast.ClassDef, Scope]] = []
    waiting = [(node, scope)]
    is_plugin = False
    while waiting and len(lineage) < _LONGEST_LINEAGE:
        current = waiting.pop()
        if current in lineage:
            continue
        lineage.append(current)
        bases = [_base(modules, base, current[1]) for base in current[0].bases]
        is_plugin = is_plugin or BASE_CLASS in bases
        waiting += [base for base in reversed(bases) if isinstance(base, tuple)]
    return lineage if is_plugin else None


def _base(
    modules: Modules, base: ast.expr, scope: Scope
) -> tuple[ast.ClassDef, Scope] | str | None:
    name = last_name(base)
    if name is None or not isinstance(base, ast.Name):
        return name
    if name in scope.classes:
        return scope.classes[name], scope
    imported = scope.imports.get(name)
    if imported is None:
        return name
    origin = modules.find_origin(scope, imported)
    if origin is None or imported.name not in origin.classes:
        return imported.name
    return origin.classes[imported.name], origin


def _members(owner: ast.ClassDef) -> dict[str, ast.stmt]:
    members: dict[str, ast.stmt] = {}
    for statement in owner.body:
        members |= dict.fromkeys(_names(statement), statement)
    return members


def _names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case _:
            return


def _is_abstract(member: ast.stmt) -> bool:
    return isinstance(member, FunctionNode) and any(
        last_name(decorator) == "abstractmethod" for decorator in member.decorator_list
    )


def _several(found: list[PluginClass]) -> Problem:
    names = ", ".join(f"{plugin.node.name} (line {plugin.node.lineno})" for plugin in found)
    return Problem(
        Code.PLUGIN_CLASS_AMBIGUOUS,
        f"plugin.py must define one plugin, but it defines {len(found)}: {names}.",
        PLUGIN_FILE,
        found[1].node.lineno,
    )


def _none(derived: list[PluginClass]) -> Problem:
    if not derived:
        return Problem(
            Code.PLUGIN_CLASS_MISSING, "No class here derives from BasePlugin.", PLUGIN_FILE
        )
    plugin = derived[0]
    missing = " and ".join(f"{name}()" for name in plugin.missing_methods())
    return Problem(
        Code.PLUGIN_CLASS_MISSING,
        f"{plugin.node.name} does not define {missing}.",
        PLUGIN_FILE,
        plugin.node.lineno,
    )
