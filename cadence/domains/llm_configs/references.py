"""Which LLM configs an orchestrator's configuration names."""

from collections.abc import Iterator, Mapping

from cadence.kernel.ids import LlmConfigId

NODE_SUFFIX = "_node"


def find_references(config: Mapping[str, object]) -> frozenset[LlmConfigId]:
    """Return every id in `default_llm_config_id` and `mode_config.*_node.llm_config_id`."""
    return frozenset(
        LlmConfigId(value)
        for value in _candidates(config)
        # True is an int to Python and equals 1, but names nothing.
        if isinstance(value, int) and not isinstance(value, bool)
    )


def _candidates(config: Mapping[str, object]) -> Iterator[object]:
    yield config.get("default_llm_config_id")
    mode_config = config.get("mode_config")
    if not isinstance(mode_config, Mapping):
        return
    for name, node in mode_config.items():
        if str(name).endswith(NODE_SUFFIX) and isinstance(node, Mapping):
            yield node.get("llm_config_id")
