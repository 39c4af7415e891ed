"""Works out the value of an expression that is a literal, or names one, without running it."""

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cadence_sdk.checking.problems import Code, Problem
from cadence_sdk.checking.scopes import Modules, Scope, build_scope

Literal = (
    str | int | float | bool | list["Literal"] | tuple["Literal", ...] | dict[str, "Literal"] | None
)

# Enough for any real plugin; a few lines of source can ask for billions of steps.
_STEPS: Final = 20_000
_DEPTH: Final = 100
_LONGEST_TEXT: Final = 65_536
_LARGEST_INTEGER: Final = 2**63 - 1

_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_KINDS: Final[Mapping[type[ast.expr], str]] = {
    ast.JoinedStr: "An f-string",
    ast.Call: "A call",
    ast.ListComp: "A comprehension",
    ast.DictComp: "A comprehension",
    ast.Lambda: "A lambda",
    ast.Subscript: "A look-up",
    ast.IfExp: "A condition",
}


class NotLiteral(Exception):
    """The expression cannot be read without running it; `problem` says where and why."""

    def __init__(self, place: "Place", message: str) -> None:
        super().__init__(message)
        self.problem = place.problem(Code.NOT_LITERAL, message)


@dataclass(frozen=True, slots=True)
class Place:
    """An expression or definition, and the scope in which its names are looked up."""

    node: ast.expr | ast.stmt
    scope: Scope

    def problem(self, code: Code, message: str) -> Problem:
        """Return a problem at this place."""
        return Problem(code, message, self.scope.file, self.node.lineno)


class Literals:
    """Reads literals of one package; all readings share one budget of steps."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._steps = 0

    def resolve(self, place: Place, *, depth: int = 0) -> Place:
        """Follow names until something that is not a name; raises `NotLiteral`."""
        self._count(place, depth)
        match place.node:
            case ast.Name(id=name):
                return self.resolve(self._look_up(place, name), depth=depth + 1)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self.resolve(self._member(place, owner, name), depth=depth + 1)
            case _:
                return place

    def evaluate(self, place: Place, *, depth: int = 0) -> Literal:
        """Return the value of a literal expression; raises `NotLiteral`."""
        place = self.resolve(place, depth=depth)
        match place.node:
            case ast.Constant():
                return _constant(place, place.node)
            case ast.List():
                return [self.evaluate(item, depth=depth + 1) for item in self.items(place)]
            case ast.Tuple():
                return tuple(self.evaluate(item, depth=depth + 1) for item in self.items(place))
            case ast.Dict():
                pairs = self.pairs(place, depth=depth)
                return {key: self.evaluate(value, depth=depth + 1) for key, value in pairs}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.evaluate(Place(operand, place.scope), depth=depth + 1)
                return _number(place, -_as_number(place, value))
            case ast.BinOp():
                return self._combine(place, place.node, depth=depth)
            case _:
                raise _computed(place)

    def items(self, place: Place, *, depth: int = 0) -> Iterator[Place]:
        """Yield the elements of a literal list or tuple, each at its place; raises `NotLiteral`."""
        place = self.resolve(place, depth=depth)
        match place.node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                for element in elements:
                    if isinstance(element, ast.Starred):
                        yield from self.items(Place(element.value, place.scope), depth=depth + 1)
                    else:
                        yield Place(element, place.scope)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                yield from self.items(Place(left, place.scope), depth=depth + 1)
                yield from self.items(Place(right, place.scope), depth=depth + 1)
            case _:
                raise _computed(place)

    def pairs(self, place: Place, *, depth: int = 0) -> Iterator[tuple[str, Place]]:
        """Yield keys and values of a literal dict with text keys; raises `NotLiteral`."""
        place = self.resolve(place, depth=depth)
        if not isinstance(place.node, ast.Dict):
            raise _computed(place)
        for key, value in zip(place.node.keys, place.node.values, strict=True):
            inner = Place(value, place.scope)
            if key is None:
                yield from self.pairs(inner, depth=depth + 1)
                continue
            name = self.evaluate(Place(key, place.scope), depth=depth + 1)
            if not isinstance(name, str):
                raise NotLiteral(inner, "Keys must be text.")
            yield name, inner

    def _combine(self, place: Place, node: ast.BinOp, *, depth: int) -> Literal:
        left = self.evaluate(Place(node.left, place.scope), depth=depth + 1)
        right = self.evaluate(Place(node.right, place.scope), depth=depth + 1)
        match node.op, left, right:
            case ast.Add(), str(), str():
                return _text(place, left + right)
            case ast.Add(), list(), list():
                return left + right
            case ast.Add(), tuple(), tuple():
                return left + right
            case _:
                compute = _ARITHMETIC.get(type(node.op))
                if compute is None:
                    raise _computed(place)
                return _number(place, compute(_as_number(place, left), _as_number(place, right)))

    def _look_up(self, place: Place, name: str) -> Place:
        scope: Scope | None = place.scope
        while scope is not None:
            if name in scope.changing:
                raise NotLiteral(
                    place, f"'{name}' is not assigned once and for all; write a literal value."
                )
            if name in scope.constants:
                return Place(scope.constants[name], scope)
            if name in scope.imports:
                return self._imported(place, scope, name)
            scope = scope.outer
        raise NotLiteral(place, f"'{name}' has no literal value in this file.")

    def _imported(self, place: Place, scope: Scope, name: str) -> Place:
        imported = scope.imports[name]
        origin = self._modules.find_origin(scope, imported)
        if origin is None:
            raise NotLiteral(
                place, f"'{name}' is imported from outside the package; write a literal value."
            )
        return Place(ast.copy_location(ast.Name(imported.name, ast.Load()), place.node), origin)

    def _member(self, place: Place, owner: str, name: str) -> Place:
        scope: Scope | None = place.scope
        while scope is not None:
            if owner in scope.classes and owner not in scope.changing:
                inside = build_scope(scope.file, scope.classes[owner].body, outer=scope)
                if name in inside.constants:
                    return self._look_up(Place(place.node, inside), name)
            scope = scope.outer
        raise NotLiteral(place, f"'{owner}.{name}' has no literal value in this file.")

    def _count(self, place: Place, depth: int) -> None:
        self._steps += 1
        if self._steps > _STEPS or depth > _DEPTH:
            raise NotLiteral(place, "This is too long or too deeply nested to be read.")


def _constant(place: Place, node: ast.Constant) -> Literal:
    match node.value:
        case str() as text:
            return _text(place, text)
        case None | bool() as value:
            return value
        case int() | float() as number:
            return _number(place, number)
        case _:
            raise NotLiteral(place, "Only text, numbers, True, False and None are taken here.")


def _text(place: Place, text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise NotLiteral(place, f"The text is longer than {_LONGEST_TEXT} characters.")
    # Databases and JSON take neither.
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise NotLiteral(place, "The text holds a null character or half of a surrogate pair.")
    return text


def _as_number(place: Place, value: Literal) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _computed(place)
    return value


def _number(place: Place, value: float) -> float:
    # Asked first: an integer may be too large even to be compared as a float.
    is_large = isinstance(value, int) and abs(value) > _LARGEST_INTEGER
    if is_large or not math.isfinite(value):
        raise NotLiteral(place, "The number is too large.")
    return value


def _computed(place: Place) -> NotLiteral:
    node = place.node
    kind = _KINDS.get(type(node), "This") if isinstance(node, ast.expr) else "This"
    return NotLiteral(
        place, f"{kind} cannot be read without running the plugin; write a literal value."
    )
