"""Tells talk from tasks: greetings, thanks, questions about the stand-in or the conversation."""

import re
from enum import StrEnum

from cadence.offline_model.words import stems, words


class Intent(StrEnum):
    """What a piece of a message is, before any tool is looked at."""

    GREETING = "greeting"
    THANKS = "thanks"
    ABOUT = "about"
    FOLLOW_UP = "follow_up"
    SHARING = "sharing"
    UNCLEAR = "unclear"
    TASK = "task"


_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|howdy|hallo|hola|bonjour|greetings"
    r"|good (?:morning|afternoon|evening|day))\b"
    r"(?:\W+(?:there|everyone|all|again|you|cadence|bot|assistant|team|friend))*\W*$"
    r"|^\W*how are you\b.{0,20}$|^\W*how(?:'s| is) it going\W*$|^\W*what'?s up\W*$",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"^\W*(?:(?:ok|okay|great|cool|nice|perfect|awesome|wonderful|thanks|thank you|thx|cheers|bye|"
    r"goodbye|see you|good night|that'?s all|got it|well done|good job|very much|so much|a lot|for "
    r"(?:that|your help|the help|everything))\b\W*)+$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:who|what) (?:exactly )?are you\b"
    r"|\bwhat (?:all )?(?:can|do|could) you (?:do|know|offer|help)\b"
    r"|\bare you (?:an? |the |really )?"
    r"(?:ai|a\.i\.|llm|bot|robot|human|real|person|model|language)\b"
    r"|\bhow (?:do|can) (?:you work|you help|i use you)\b|\bwhat(?:'s| is) your name\b"
    r"|\bwhat (?:tools|plugins|skills|abilities) (?:do you|can you|are|have)\b"
    r"|\b(?:which|your) (?:tools|plugins|skills|abilities|capabilities)\b|\bintroduce yourself\b"
    r"|^\W*(?:(?:can|could) you )?(?:please )?help(?: me)?\W*$",
    re.IGNORECASE,
)
_FOLLOW_UP = re.compile(
    r"\b(?:you|i|we)(?: have| had|'ve)?(?: just| already| first| last)? "
    r"(?:say|said|tell|told|ask|asked|mention|mentioned|answer|answered|wrote|talk|talked|discuss|"
    r"discussed|got)\b(?! (?:me|us) (?:about|what|how|when|where|why|who|which|if|whether)\b)"
    r"|\b(?:repeat|say) (?:that|it|this|yourself|the (?:last|previous)\w*)\b|\bonce more\b"
    r"|^\W*(?:and\s+|so\s+|but\s+|what about\s+|how about\s+)*the "
    r"(?:first|second|third|last|previous|other|next|earlier)"
    r"(?: one| answer| question| result)?\W*$"
    r"|\b(?:previous|earlier|first|last|your)(?: first| last| previous)? "
    r"(?:answer|message|question|reply|result|response)\b"
    r"|\bsumm?ari[sz]e (?:this|our|the) (?:conversation|chat|discussion)\b"
    r"|\bwhat (?:was|were) (?:it|that|those|the (?:first|last|previous|result|answer)\w*)\b"
    r"|\b(?:do you )?remember\b|\bwhat(?:'s| is) my \w+\W*$|\bwhat did i\b"
    r"|\bearlier (?:in|today|you|i)\b"
    r"|\bwho am i\b",
    re.IGNORECASE,
)
_SHARING = re.compile(
    r"^\W*(?:my (?:\w+ )?(?:name|age|birthday|job|city|country|hometown|nickname|hobby|dog|cat|"
    r"favou?rite \w+) (?:is|are|was)\b"
    r"|i(?:'m| am) (?:(?-i:[A-Z])[\w'-]+|\d+ years old|from \w+)\W*$"
    r"|i (?:live|work|like|love|hate|prefer|was born)\b|call me\b|note that\b)",
    re.IGNORECASE,
)


def intent_of(text: str) -> Intent:
    """Return what a piece of a message is; whatever is none of the talk is a task."""
    plain = text.replace("\u2019", "'")
    patterns = (
        (Intent.GREETING, _GREETING),
        (Intent.THANKS, _THANKS),
        (Intent.ABOUT, _ABOUT),
        (Intent.FOLLOW_UP, _FOLLOW_UP),
    )
    for intent, pattern in patterns:
        if pattern.search(plain):
            return intent
    if not plain.rstrip().endswith("?") and _SHARING.search(plain):
        return Intent.SHARING
    return (
        Intent.TASK
        if stems(plain) or any(word.isdigit() for word in words(plain))
        else Intent.UNCLEAR
    )
