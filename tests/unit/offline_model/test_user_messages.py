"""What people type, and the calls that a sensible model would make of it."""

import pytest

from tests.unit.offline_model.toolbox import Calls, ask, assistant, calls_of, user

CHAT: Calls = [("route_to_conversational", {})]
CLARIFY: Calls = [("route_to_facilitator", {})]


def calculate(expression: str) -> Calls:
    return [("calculate", {"expression": expression})]


def convert(value: float, source: str, target: str) -> Calls:
    return [("convert_units", {"value": value, "from_unit": source, "to_unit": target})]


def statistics(*numbers: float) -> Calls:
    return [("statistics", {"numbers": list(numbers)})]


def search(query: str) -> Calls:
    return [("search_articles", {"query": query})]


def read(slug: str) -> Calls:
    return [("read_article", {"slug": slug})]


LISTING: Calls = [("list_articles", {})]

TABLE: list[tuple[str, Calls]] = [
    (
        "What is (12 + 8) * 3, and how long do refunds take?",
        calculate("(12 + 8) * 3") + search("how long do refunds take"),
    ),
    ("12 times 8", calculate("12 * 8")),
    ("what's 2+2", calculate("2+2")),
    ("2+2", calculate("2+2")),
    ("What is 2+2 and 3*3?", calculate("2+2") + calculate("3*3")),
    ("square root of 81", calculate("sqrt(81)")),
    ("What is the square root of 144 plus 5?", calculate("sqrt(144) + 5")),
    ("15% of 80", calculate("15 / 100 * 80")),
    ("What is 20% off 50?", calculate("50 * (1 - 20 / 100)")),
    ("Please compute 1,000 * 3", calculate("1000 * 3")),
    ("What is 2^10?", calculate("2**10")),
    ("what is 5-7", calculate("5-7")),
    ("add 5 and 7", calculate("5 + 7")),
    ("subtract 5 from 12", calculate("12 - 5")),
    ("multiply 6 by 7", calculate("6 * 7")),
    ("divide 100 by 8", calculate("100 / 8")),
    ("twelve times eight", calculate("12 * 8")),
    ("what is twenty-one plus 4", calculate("21 + 4")),
    ("sum of 3, 4 and 5", calculate("3 + 4 + 5")),
    ("how much is half of 90?", calculate("90 / 2")),
    ("5 squared", calculate("5 ** 2")),
    ("7 \u00d7 6 \u00f7 2", calculate("7 * 6 / 2")),
    ("$12.50 * 3", calculate("12.50 * 3")),
    ("Hello! What is 7 * 6?", calculate("7 * 6")),
    ("Was ist (12+8)*3?", calculate("(12+8)*3")),
    ("convert 10 miles to kilometers", convert(10, "mi", "km")),
    ("how many km are in 26.2 miles?", convert(26.2, "mi", "km")),
    ("What is 100 F in celsius", convert(100, "fahrenheit", "celsius")),
    ("5 feet in meters", convert(5, "feet", "meters")),
    ("convert from km to miles: 12", convert(12, "km", "mi")),
    (
        "convert 72 fahrenheit to celsius and 5 kg to lb",
        convert(72, "fahrenheit", "celsius") + convert(5, "kg", "lb"),
    ),
    ("how many km in a mile?", convert(1, "mi", "km")),
    ("temperature 30 c to f", convert(30, "celsius", "fahrenheit")),
    ("mean of 3, 4 and 8", statistics(3, 4, 8)),
    ("What is the average of 4, 8, 15, 16, 23, 42?", statistics(4, 8, 15, 16, 23, 42)),
    ("mean and median of 1, 2, 6", statistics(1, 2, 6)),
    ("compare the mean and the median of 1, 2, 3", statistics(1, 2, 3)),
    ("statistics for 100,200,300", statistics(100, 200, 300)),
    (
        "what is the sum of 3 and 4 and the mean of 1, 2, 3?",
        calculate("3 + 4") + statistics(1, 2, 3),
    ),
    (
        "Convert 5 miles to km; also what's the mean of 1, 2, 3, 4; and do you ship abroad?",
        convert(5, "mi", "km") + statistics(1, 2, 3, 4) + search("do you ship abroad"),
    ),
    (
        "I need to know two things: how long is shipping and what is 7*8",
        search("how long is shipping") + calculate("7*8"),
    ),
    (
        "- 2+2\n- refund policy\n- convert 5 km to miles",
        calculate("2+2") + search("refund policy") + convert(5, "km", "mi"),
    ),
    ("1) 2+2\n2) 3*3", calculate("2+2") + calculate("3*3")),
    ("How long do refunds take?", search("How long do refunds take")),
    ("how long does shipping to Germany take?", search("how long does shipping to Germany take")),
    ("refund policy", search("refund policy")),
    ("search the knowledge base for refunds", search("refunds")),
    ('search for "gift cards"', search("gift cards")),
    ("find articles about shipping costs", search("shipping costs")),
    (
        "find 5 articles about shipping",
        [("search_articles", {"query": "shipping", "limit": 5})],
    ),
    (
        "search for returns, limit 5",
        [("search_articles", {"query": "returns", "limit": 5})],
    ),
    ("Tell me about refunds.", search("refunds")),
    ("tell me about refunds and how long they take", search("refunds and how long they take")),
    ("what about gift cards?", search("gift cards")),
    ("I need help with my refund", search("refund")),
    ("I want to know how long refunds take", search("how long refunds take")),
    ("Could you tell me how to cancel my subscription?", search("how to cancel my subscription")),
    (
        "How do I reset my password and what does shipping cost?",
        search("How do I reset my password") + search("what does shipping cost"),
    ),
    (
        "How can I return a product? Also calculate 3.5 * 12.",
        search("How can I return a product") + calculate("3.5 * 12"),
    ),
    ("is support available 24/7?", search("is support available 24/7")),
    ("\u8fd4\u91d1\u306f\uff1f", search("\u8fd4\u91d1\u306f\uff1f")),
    ("list all articles", LISTING),
    ("which articles do you have?", LISTING),
    ("What articles are there?", LISTING),
    ("read gift-cards", read("gift-cards")),
    ('read the article "refund-policy"', read("refund-policy")),
    ("read the article about refunds", search("refunds")),
    ("hello", CHAT),
    ("Hi there!", CHAT),
    ("good morning", CHAT),
    ("how are you?", CHAT),
    ("thanks!", CHAT),
    ("Thank you, that's all", CHAT),
    ("who are you?", CHAT),
    ("what can you do?", CHAT),
    ("help", CHAT),
    ("what did you just say?", CHAT),
    ("and the first one?", CHAT),
    ("what did I ask before?", CHAT),
    ("My name is Ada.", CHAT),
    ("what is my name?", CHAT),
    ("asdfghjkl", CLARIFY),
    ("Tell me a joke", CLARIFY),
    ("do the thing", CLARIFY),
    ("and 20 times that?", CLARIFY),
    ("What time is it?", CLARIFY),
    ("stuff", CLARIFY),
    ("\U0001f600", CLARIFY),
    ("", CLARIFY),
]


@pytest.mark.parametrize(
    ("message", "expected"), [pytest.param(*row, id=row[0][:60] or "nothing") for row in TABLE]
)
def test_a_message_leads_to_the_calls_a_sensible_model_would_make(
    message: str, expected: Calls
) -> None:
    assert calls_of(ask(message)) == expected


@pytest.mark.parametrize("message", ["I like trains", "The weather was nice.", "We went home"])
def test_unrelated_chatter_calls_no_working_tool(message: str) -> None:
    assert all(name.startswith("route_to_") for name, _ in calls_of(ask(message)))


def test_a_number_of_the_last_answer_is_what_that_means_in_the_next_message() -> None:
    earlier = [user("What is 12 * 7?"), assistant('The tool "calculate" gave 84 for "12 * 7".')]

    decision = ask(*earlier, "now convert that from km to miles")

    assert calls_of(decision) == convert(84, "km", "mi")


def test_the_same_request_always_gives_the_same_decision() -> None:
    assert ask(TABLE[0][0]) == ask(TABLE[0][0])
