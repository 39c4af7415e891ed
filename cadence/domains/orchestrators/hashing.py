"""One short text for all that a build reads, so that equal means nothing to rebuild."""

import hashlib
from collections.abc import Mapping

import orjson


def content_hash(*parts: object) -> str:
    """Return the sha256 of the parts as canonical JSON."""
    canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def build_hash(config_hash: str, model_versions: Mapping[int, int]) -> str:
    """Return what changes when the orchestrator or any model that it uses does."""
    return content_hash(config_hash, sorted(model_versions.items()))
