"""How settings are declared, and how given values are checked against them."""

from typing import Any

import pytest
from cadence_sdk import BaseAgent, BasePlugin, PluginMetadata, plugin_settings
from cadence_sdk.settings import SettingsInvalid, check_schema, resolve_settings
from typing_extensions import override

KEY = {"key": "api_key", "type": "str", "description": "The key."}
LIMIT = {"key": "limit", "type": "int", "description": "How many.", "default": 3}


class Plain(BasePlugin):
    """Declares one setting by hand."""

    @staticmethod
    @override
    def get_metadata() -> PluginMetadata:
        return PluginMetadata(pid="com.example.a", name="A", version="1.0", description="A.")

    @staticmethod
    @override
    def create_agent() -> BaseAgent:
        raise NotImplementedError

    @staticmethod
    @override
    def get_settings_schema() -> list[dict[str, Any]]:
        return [dict(LIMIT)]


def entry(**fields: Any) -> dict[str, Any]:
    """Return a valid entry with these fields changed."""
    return {"key": "k", "type": "str", "description": "d", **fields}


def test_the_decorator_adds_to_what_the_method_returns() -> None:
    @plugin_settings([KEY])
    class Decorated(Plain):
        """Has two settings."""

    keys = [setting["key"] for setting in Decorated.get_settings_schema()]

    assert keys == ["limit", "api_key"]
    assert [setting["key"] for setting in Plain.get_settings_schema()] == ["limit"]


def test_decorators_add_up_and_a_later_declaration_of_a_key_wins() -> None:
    @plugin_settings([{**LIMIT, "default": 9}])
    @plugin_settings([KEY])
    class Decorated(Plain):
        """Has two settings, one of them declared twice."""

    defaults = {each["key"]: each.get("default") for each in Decorated.get_settings_schema()}

    assert defaults == {"limit": 9, "api_key": None}


def test_optional_fields_are_filled_in() -> None:
    @plugin_settings([KEY])
    class Decorated(Plain):
        """Has one setting of its own."""

    assert Decorated.get_settings_schema()[1] == {
        **KEY,
        "name": "api_key",
        "required": False,
        "sensitive": False,
    }


def test_nobody_can_change_a_plugins_declaration() -> None:
    @plugin_settings([entry(key="tags", type="list", default=[])])
    class Decorated(Plain):
        """Has a list."""

    Decorated.get_settings_schema()[1]["default"].append("x")

    assert Decorated.get_settings_schema()[1]["default"] == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param({"key": "k"}, "list of dicts", id="no list"),
        pytest.param(["k"], "entry 1 must be a dict", id="no dict"),
        pytest.param([{"type": "str", "description": "d"}], "'key'", id="no key"),
        pytest.param([entry(key=" ")], "'key'", id="blank key"),
        pytest.param([{"key": "k", "type": "str"}], "'k': 'description'", id="no description"),
        pytest.param([{"key": "k", "description": "d"}], "'k': 'type'", id="no type"),
        pytest.param([entry(type="string")], "'type' must be one of", id="unknown type"),
        pytest.param([entry(type=str)], "'type' must be one of", id="a class for a type"),
        pytest.param([entry(name=1)], "'name'", id="name"),
        pytest.param([entry(required="yes")], "'required'", id="required"),
        pytest.param([entry(sensitive=1)], "'sensitive'", id="sensitive"),
        pytest.param([entry(default=1)], "'default' must be of type str", id="default"),
        pytest.param([entry(type="int", default=True)], "'default'", id="bool for int"),
        pytest.param([entry(type="bool", default=0)], "'default'", id="int for bool"),
        pytest.param([entry(), entry()], "'k' is declared twice", id="twice"),
    ],
)
def test_a_wrong_declaration_is_refused(settings: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plugin_settings(settings)


def test_every_wrong_entry_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"'a': 'type'.*; 'b': 'description'"):
        check_schema([entry(key="a", type="?"), entry(key="b", description="")])


def test_defaults_fill_what_is_not_given() -> None:
    assert resolve_settings([KEY, LIMIT], {"api_key": "x"}) == {"api_key": "x", "limit": 3}


def test_a_setting_without_value_and_default_is_absent() -> None:
    assert resolve_settings([KEY], {}) == {}
    assert resolve_settings([KEY], {"api_key": None}) == {}


def test_a_default_of_none_is_a_default() -> None:
    assert resolve_settings([{**KEY, "default": None}], {}) == {"api_key": None}


def test_a_default_satisfies_what_is_required() -> None:
    assert resolve_settings([{**LIMIT, "required": True}], {"limit": None}) == {"limit": 3}


def test_a_default_cannot_be_changed_through_the_settings_it_filled() -> None:
    schema = [entry(key="tags", type="list", default=["a"])]

    resolve_settings(schema, {})["tags"].append("b")

    assert resolve_settings(schema, {}) == {"tags": ["a"]}


@pytest.mark.parametrize(
    ("type_name", "good", "bad"),
    [
        ("str", "", 1),
        ("int", 0, 1.5),
        ("int", -1, True),
        ("float", 1.5, "1.5"),
        ("float", 0.0, float("nan")),
        ("float", -2.0, False),
        ("bool", False, 0),
        ("list", [], {}),
        ("dict", {}, []),
    ],
)
def test_values_must_have_the_declared_type(type_name: str, good: Any, bad: Any) -> None:
    schema = [entry(type=type_name)]

    assert resolve_settings(schema, {"k": good}) == {"k": good}
    with pytest.raises(SettingsInvalid, match=f"k: must be of type {type_name}"):
        resolve_settings(schema, {"k": bad})


def test_a_whole_number_is_good_for_a_float_and_becomes_one() -> None:
    resolved = resolve_settings([entry(type="float", default=2)], {})

    assert type(resolved["k"]) is float


def test_every_problem_is_named_by_its_key() -> None:
    schema = [{**KEY, "required": True}, LIMIT]

    with pytest.raises(SettingsInvalid) as refused:
        resolve_settings(schema, {"api_key": "", "limit": "3", "other": 1})

    assert {problem.key: problem.message for problem in refused.value.problems} == {
        "api_key": "is required",
        "limit": "must be of type int",
        "other": "is not a setting",
    }


def test_a_refusal_holds_no_value() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        resolve_settings([LIMIT], {"limit": "canary", "api_key": "canary"})

    assert "canary" not in str(refused.value)
