"""What the names of a module stand for, as far as that can be told without running it."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cadence_sdk.checking.sources import parse_source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that `from module import name` brings in; `level` counts the leading dots."""

    module: str
    name: str
    level: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of one module, class or function body.

    `constants` are assigned exactly once, by a plain statement of the body; `changing` are names
    whose value depends on what runs.
    """

    file: str
    constants: Mapping[str, ast.expr]
    changing: frozenset[str]
    imports: Mapping[str, ImportedName]
    classes: Mapping[str, ast.ClassDef]
    outer: "Scope | None" = None


class Modules:
    """The package's modules, each parsed when it is first asked for."""

    def __init__(self, files: Mapping[str, bytes], *, folder_name: str | None) -> None:
        self._files = files
        self._folder_name = folder_name
        self._scopes: dict[str, Scope] = {}

    def get(self, file: str) -> Scope:
        """Return the scope of a file that is in the package; raises `PackageRejected`."""
        if file not in self._scopes:
            tree = parse_source(file, self._files[file])
            self._scopes[file] = build_scope(file, tree.body)
        return self._scopes[file]

    def find_origin(self, scope: Scope, imported: ImportedName) -> Scope | None:
        """Return the module of this package that an import names, or None for a foreign one."""
        path = self._path_of(scope.file, imported)
        if path is None:
            return None
        candidates = (f"{path}.py", f"{path}/__init__.py" if path else "__init__.py")
        found = next((file for file in candidates if file in self._files), None)
        return None if found is None else self.get(found)

    def _path_of(self, file: str, imported: ImportedName) -> str | None:
        steps = imported.module.split(".") if imported.module else []
        if imported.level == 0:
            is_own = bool(steps) and steps[0] == self._folder_name
            return "/".join(steps[1:]) if is_own else None
        folders = file.split("/")[:-1]
        climbs = imported.level - 1
        if climbs > len(folders):
            return None
        return "/".join([*folders[: len(folders) - climbs], *steps])


def build_scope(file: str, body: Iterable[ast.stmt], *, outer: Scope | None = None) -> Scope:
    """Return what the statements of one body bind."""
    constants: dict[str, ast.expr] = {}
    imports: dict[str, ImportedName] = {}
    classes: dict[str, ast.ClassDef] = {}
    bindings: Counter[str] = Counter()
    for statement in body:
        bindings.update(_bound_names(statement))
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                constants[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                constants[name] = value
            case ast.ImportFrom():
                imports |= _imported(statement)
            case ast.ClassDef(name=name):
                classes[name] = statement
            case _:
                continue
    known = constants.keys() | imports.keys() | classes.keys()
    changing = {name for name, times in bindings.items() if times > 1 or name not in known}
    return Scope(file, constants, frozenset(changing), imports, classes, outer)


def own_statements(function: FunctionNode) -> Iterator[ast.stmt]:
    """Yield every statement of a function, but none of a function or class inside it."""
    return (node for node in _walk(function.body) if isinstance(node, ast.stmt))


def last_name(expression: ast.expr) -> str | None:
    """Return `c` of `a.b.c`, and the name itself where there are no dots."""
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def _walk(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    # A loop and not a recursion: an author's expression may be nested deeper than our stack.
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _DEFINITIONS):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    for node in _walk([statement]):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
            case (
                ast.FunctionDef(name=str(name))
                | ast.AsyncFunctionDef(name=str(name))
                | ast.ClassDef(name=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
            ):
                yield name
            case _:
                continue


def _imported(statement: ast.ImportFrom) -> dict[str, ImportedName]:
    module, level = statement.module or "", statement.level
    return {
        alias.asname or alias.name: ImportedName(module, alias.name, level)
        for alias in statement.names
    }
