"""Finds numbers and arithmetic expressions in plain sentences."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from cadence.offline_model.words import word_list

_LONGEST_TEXT = 4000
_LONGEST_RUN = 120
_WORD_NUMBERS = {
    word: value
    for value, word in enumerate(
        word_list(
            """
        zero one two three four five six seven eight nine ten eleven twelve thirteen
        fourteen fifteen sixteen seventeen eighteen nineteen
        """
        )
    )
}
_TENS = {
    word: 10 * (place + 2)
    for place, word in enumerate(word_list("twenty thirty forty fifty sixty seventy eighty ninety"))
}
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(list(_WORD_NUMBERS)[1:10])}))?"
    rf"|({'|'.join(_WORD_NUMBERS)}))(?:\s+(hundred|thousand|million))?\b",
    re.IGNORECASE,
)
_SCALE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}

# Bounded digits: int() refuses more than 4300, and a float of more than 308 is infinite.
_DIGITS = r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d{1,20})?|\d{1,30}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,2})?"
_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?<![\d)])[-\u2212])?(?:{_DIGITS}|\.\d{{1,20}})(?!\d|[eE][-+]?\d)"
)
_PLAIN = r"-?\d{1,30}(?:\.\d{1,20})?"
_LIST = rf"{_PLAIN}(?:\s{{0,3}}(?:,\s{{0,3}}and\s|,|\sand\s)\s{{0,3}}{_PLAIN}){{1,40}}"

_FUNCTIONS = "sqrt|sin|cos|tan|log10|log2|log|ln|exp|abs|round|floor|ceil|min|max|pow|factorial"
_TOKEN = re.compile(
    rf"(?P<number>\d{{1,3}}(?:,\d{{3}})+(?![\d,])(?:\.\d{{1,20}})?"
    rf"|\d{{1,30}}(?:\.\d{{1,20}})?(?:[eE][-+]?\d{{1,2}})?(?![\w])|\.\d{{1,20}})"
    rf"|(?P<function>\b(?:{_FUNCTIONS})\b(?=\s{{0,3}}\())|(?P<constant>\b(?:pi|tau|e)\b)"
    r"|(?P<power>\*\*)|(?P<operator>//|[-+*/%^])|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<space>[ \t]{1,5})|(?P<other>[\s\S])"
)
_WEAK = re.compile(r"\d+(?:[-/]\d+)+")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it stands in a text; `start` and `end` are places in that text."""

    value: float
    start: int
    end: int

    @property
    def plain(self) -> int | float:
        """The value, whole when it is whole."""
        return int(self.value) if self.value.is_integer() else self.value


@dataclass(frozen=True, slots=True)
class Expression:
    """An arithmetic expression; a weak one, like 24/7 or 5-7, may be something else."""

    text: str
    weak: bool = False


def spell_digits(text: str) -> str:
    """Return the text with number words as digits, e.g. "twenty-one" as "21"."""
    return _SPELLED.sub(_digits_of, text[:_LONGEST_TEXT])


def find_figures(text: str) -> tuple[Figure, ...]:
    """Return the finite numbers of a text in their order; "1,000" is one number."""
    found = []
    for match in _NUMBER.finditer(text[:_LONGEST_TEXT]):
        value = float(match.group().replace(",", "").replace("\u2212", "-"))
        if math.isfinite(value):
            found.append(Figure(value, match.start(), match.end()))
    return tuple(found)


def find_expression(text: str) -> Expression | None:
    """Return the longest run that reads as arithmetic, words like "times" turned into signs."""
    rewritten = _rewrite(spell_digits(text))
    runs = [run for run in _token_runs(rewritten) if len(run) > 1]
    spans = [span for span in map(_longest_valid, runs) if span]
    if not spans:
        return None
    best = max(spans, key=len)
    return Expression(best, weak=_WEAK.fullmatch(best) is not None)


def _digits_of(match: re.Match[str]) -> str:
    tens, unit, single, scale = match.groups()
    value = _TENS.get((tens or "").lower(), 0)
    value += _WORD_NUMBERS.get((unit or single or "").lower(), 0)
    return str(value * _SCALE.get((scale or "").lower(), 1))


def _joined(sign: str) -> Callable[[re.Match[str]], str]:
    """Return a replacement that writes a list of numbers with a sign between them."""
    return lambda match: f" {sign} ".join(re.findall(_PLAIN, match.group(1)))


_OPERAND_BEFORE = r"(?<=[\d)])\s{0,3}"
_OPERAND_AFTER = r"\s{0,3}(?=[-\d(.]|sqrt)"
_REWRITES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"[$\u20ac\u00a3](?=\d)", ""),
        ("[\u00d7\u22c5\u00b7]", "*"),
        (r"\u00f7", "/"),
        (r"[\u2212\u2013](?=\s?[\d(])", "-"),
        (r"\^", "**"),
        (rf"\bsquare root (?:of )?\(?({_PLAIN})\)?", r"sqrt(\1)"),
        (rf"\bcube root of ({_PLAIN})", r"\1 ** (1 / 3)"),
        (rf"\b(?:sum of|add(?:ing)?(?: up)?) ({_LIST})", _joined("+")),
        (rf"\b(?:product of|multiply(?:ing)?) ({_LIST})", _joined("*")),
        (rf"\bdifference (?:between|of) ({_LIST})", _joined("-")),
        (rf"\bquotient of ({_LIST})", _joined("/")),
        (rf"\bsubtract(?:ing)? ({_PLAIN}) from ({_PLAIN})", r"\2 - \1"),
        (rf"\badd(?:ing)? ({_PLAIN}) to ({_PLAIN})", r"\2 + \1"),
        (rf"\bmultiply(?:ing)? ({_PLAIN}) (?:by|with) ({_PLAIN})", r"\1 * \2"),
        (rf"\bdivid(?:e|ing) ({_PLAIN}) by ({_PLAIN})", r"\1 / \2"),
        (rf"({_PLAIN})\s?(?:%|percent|per cent) off (?:of )?({_PLAIN})", r"\2 * (1 - \1 / 100)"),
        (rf"({_PLAIN})\s?(?:%|percent|per cent) of ({_PLAIN})", r"\1 / 100 * \2"),
        (rf"\bhalf (?:of )?({_PLAIN})", r"\1 / 2"),
        (rf"\b(?:double|twice) ({_PLAIN})", r"2 * \1"),
        (rf"\btriple ({_PLAIN})", r"3 * \1"),
        (rf"\bsquare ({_PLAIN})", r"\1 ** 2"),
        (rf"{_OPERAND_BEFORE}squared\b", " ** 2"),
        (rf"{_OPERAND_BEFORE}cubed\b", " ** 3"),
        (
            rf"{_OPERAND_BEFORE}(?:to the power of|raised to(?: the power of)?){_OPERAND_AFTER}",
            " ** ",
        ),
        (rf"{_OPERAND_BEFORE}(?:plus|add){_OPERAND_AFTER}", " + "),
        (rf"{_OPERAND_BEFORE}(?:minus|subtract|less){_OPERAND_AFTER}", " - "),
        (rf"{_OPERAND_BEFORE}(?:times|multiplied by|multiply by|x){_OPERAND_AFTER}", " * "),
        (rf"{_OPERAND_BEFORE}(?:divided by|divide by|over){_OPERAND_AFTER}", " / "),
        (rf"{_OPERAND_BEFORE}(?:modulo|mod){_OPERAND_AFTER}", " % "),
    )
)


def _rewrite(text: str) -> str:
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


_Token = tuple[str, str]


def _token_runs(text: str) -> list[list[_Token]]:
    """Return the stretches that hold nothing but arithmetic, each cut to a bearable length."""
    runs: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "other" or len(runs[-1]) >= _LONGEST_RUN:
            runs.append([])
        if kind != "other":
            runs[-1].append((kind, match.group()))
    return runs


def _longest_valid(run: list[_Token]) -> str:
    """Return the longest well-formed piece of a run, or nothing."""
    best = ""
    for start in range(len(run)):
        end = start + _valid_length(run[start:])
        piece = "".join(text for _, text in run[start:end]).strip()
        if len(piece) > len(best):
            best = piece
    return best.replace(",", "") if "," in best and not re.search(r"[a-z]\s*\(", best) else best


def _valid_length(run: list[_Token]) -> int:
    """Return how many tokens from the start read as an expression with at least one operation."""
    reader = _Reader()
    length = 0
    for place, (kind, text) in enumerate(run, start=1):
        if kind != "space" and not reader.accepts(kind, text):
            break
        if reader.complete:
            length = place
    return length


class _Reader:
    """Follows the grammar of infix arithmetic, token by token, without recursion."""

    def __init__(self) -> None:
        self._wants_operand = True
        self._calls: list[bool] = []
        self._after_function = False
        self._operations = 0

    @property
    def complete(self) -> bool:
        """Whether what was read so far could end here."""
        return not (self._wants_operand or self._calls) and self._operations > 0

    def accepts(self, kind: str, text: str) -> bool:
        """Take the next token in, or say that it cannot stand here."""
        if self._after_function and kind != "open":
            return False
        if self._wants_operand:
            return self._accepts_operand(kind, text)
        return self._accepts_operator(kind)

    def _accepts_operand(self, kind: str, text: str) -> bool:
        match kind:
            case "number" | "constant":
                self._wants_operand = False
            case "function":
                self._after_function = True
                self._operations += 1
            case "open":
                self._calls.append(self._after_function)
                self._after_function = False
            case "operator":
                return text in "+-"
            case _:
                return False
        return True

    def _accepts_operator(self, kind: str) -> bool:
        match kind:
            case "operator" | "power":
                self._wants_operand = True
                self._operations += 1
            case "close" if self._calls:
                self._calls.pop()
            case "comma" if self._calls and self._calls[-1]:
                self._wants_operand = True
            case _:
                return False
        return True
