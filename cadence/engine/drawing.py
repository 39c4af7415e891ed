"""Draws the graph of an orchestrator whose framework cannot, from the steps that it takes."""

from collections.abc import Collection, Mapping, Sequence

from cadence.engine.contract import Graph, GraphEdge, GraphNode

Steps = Mapping[str, Sequence[str]]

_ALWAYS, _MAYBE = "-->", "-.->"


def draw(steps: Steps, *, entry: str, ends: Collection[str], titles: Mapping[str, str]) -> Graph:
    """Return the graph of these nodes, each with those that may follow it.

    A turn begins at `entry` and may end at each of `ends`. A node is labelled with its title; one
    that has none, with its own name in words.
    """
    forks = {node for node, targets in steps.items() if len(targets) + (node in ends) > 1}
    return Graph(
        nodes=tuple(
            GraphNode(node, titles.get(node) or node.replace("_", " ").capitalize())
            for node in steps
        ),
        edges=tuple(
            GraphEdge(node, target, node in forks)
            for node, targets in steps.items()
            for target in targets
        ),
        mermaid=_mermaid(steps, entry, ends=ends, forks=forks),
    )


def _mermaid(steps: Steps, entry: str, *, ends: Collection[str], forks: Collection[str]) -> str:
    # Ids of our own: a plugin's name has dots, which Mermaid reads as something else.
    ids = {node: f"n{number}" for number, node in enumerate(steps)}
    lines = [f'    {ids[node]}["{node}"]' for node in steps]
    lines.append(f"    start(( )) --> {ids[entry]}")
    for node, targets in steps.items():
        arrow = _MAYBE if node in forks else _ALWAYS
        lines += [f"    {ids[node]} {arrow} {ids[target]}" for target in targets]
        if node in ends:
            lines.append(f"    {ids[node]} {arrow} finish((( )))")
    return "\n".join(["flowchart TD", *lines, ""])
