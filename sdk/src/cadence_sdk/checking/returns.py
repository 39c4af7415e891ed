"""What a method returns, when it returns one thing that can be read without calling it."""

import ast

from cadence_sdk.checking.classes import Method
from cadence_sdk.checking.literals import NotLiteral, Place
from cadence_sdk.checking.scopes import build_scope, own_statements


def returned_place(method: Method) -> Place:
    """Return the expression that the method returns, in the scope of its body.

    Raises `NotLiteral` when it has not exactly one `return` with a value.
    """
    statements = list(own_statements(method.node))
    returns = [each for each in statements if isinstance(each, ast.Return) and each.value]
    scope = build_scope(method.scope.file, method.node.body, outer=method.scope)
    if len(returns) != 1 or returns[0].value is None:
        raise NotLiteral(
            Place(method.node, scope),
            f"{method.node.name}() must have exactly one return, of a literal value.",
        )
    return Place(returns[0].value, scope)
