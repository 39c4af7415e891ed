"""One short text for all that a build reads, so that equal means nothing to rebuild."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson


def content_hash(*parts: object) -> str:
    """Return the sha256 of the parts as canonical JSON."""
    canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def build_hash(
    config_hash: str, model_versions: Mapping[int, int], settled: Mapping[str, Any]
) -> str:
    """Return what changes when the orchestrator does, any model that it uses, or a setting.

    `settled` is its configuration as it holds under the tiers above it.
    """
    return content_hash(config_hash, sorted(model_versions.items()), settled)
