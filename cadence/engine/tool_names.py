"""Names under which models know tools: safe for every provider, unique, and mapped back."""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

_UNSAFE = re.compile(r"[^a-zA-Z0-9_]")
_LONGEST = 64
_DIGEST_LENGTH = 10

# A name that a plugin's author chose to look like one of ours with a digest gets a digest too.
_LOOKS_DIGESTED = re.compile(r"_.*_[0-9a-f]{10}\Z")

# Tools of ours that stand beside the plugins' own; a plugin must not be able to shadow one.
TRANSFER_PREFIX = "transfer_to_"
RESERVED_PREFIXES = ("route_to_", TRANSFER_PREFIX)


def model_names(qualified_names: Iterable[str]) -> dict[str, str]:
    """Return for each `<pid>.<tool>` the name that models are given.

    The name matches `^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`, which OpenAI, Anthropic and Gemini all take.
    Where two tools would share a name, one is too long or one is reserved, a digest of the
    qualified name is put at its end, so a name never depends on the order of the plugins.
    """
    plain = {name: _safe(name) for name in dict.fromkeys(qualified_names)}
    uses = _uses(plain.values())
    return {
        name: safe
        if _stands(safe, uses) and not safe.lower().startswith(RESERVED_PREFIXES)
        else _with_digest(safe, name)
        for name, safe in plain.items()
    }


def transfer_names(agents: Iterable[str]) -> dict[str, str]:
    """Return for each agent's name that of the tool that transfers to it, under the same rules."""
    plain = {name: TRANSFER_PREFIX + _UNSAFE.sub("_", name) for name in dict.fromkeys(agents)}
    uses = _uses(plain.values())
    return {
        name: safe if _stands(safe, uses) else _with_digest(safe, name, prefix=TRANSFER_PREFIX)
        for name, safe in plain.items()
    }


def _uses(names: Iterable[str]) -> Counter[str]:
    # Case is no difference worth relying on: some models write a name back in another case.
    return Counter(name.lower() for name in names)


def _safe(name: str) -> str:
    safe = _UNSAFE.sub("_", name)
    return safe if safe[:1].isalpha() or safe[:1] == "_" else f"_{safe}"


def _stands(safe: str, uses: Counter[str]) -> bool:
    return len(safe) <= _LONGEST and uses[safe.lower()] == 1 and not _LOOKS_DIGESTED.match(safe)


def _with_digest(safe: str, name: str, *, prefix: str = "_") -> str:
    digest = sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_LENGTH]
    # The tool's own name is the end of the qualified one, and says more than the start.
    kept = safe.removeprefix(prefix)[-(_LONGEST - _DIGEST_LENGTH - 1 - len(prefix)) :]
    return f"{prefix}{kept}_{digest}"
