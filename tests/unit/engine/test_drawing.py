"""How the graph of an orchestrator is drawn from its steps."""

from cadence.engine.contract import GraphEdge, GraphNode
from cadence.engine.drawing import draw

STEPS = {"router_one": ["com.acme.math"], "com.acme.math": ["router_one"], "last": []}


def test_a_node_is_labelled_with_its_title_or_its_name_in_words() -> None:
    graph = draw(STEPS, entry="router_one", ends=["last"], titles={"com.acme.math": "Math"})

    assert graph.nodes == (
        GraphNode("router_one", "Router one"),
        GraphNode("com.acme.math", "Math"),
        GraphNode("last", "Last"),
    )


def test_a_step_is_conditional_where_the_turn_may_also_end() -> None:
    graph = draw(STEPS, entry="router_one", ends=["router_one"], titles={})

    assert graph.edges == (
        GraphEdge("router_one", "com.acme.math", conditional=True),
        GraphEdge("com.acme.math", "router_one", conditional=False),
    )


def test_mermaid_sees_no_dot_in_an_id() -> None:
    graph = draw(STEPS, entry="router_one", ends=["router_one", "last"], titles={})

    assert graph.mermaid.splitlines() == [
        "flowchart TD",
        '    n0["router_one"]',
        '    n1["com.acme.math"]',
        '    n2["last"]',
        "    start(( )) --> n0",
        "    n0 -.-> n1",
        "    n0 -.-> finish((( )))",
        "    n1 --> n0",
        "    n2 --> finish((( )))",
    ]
