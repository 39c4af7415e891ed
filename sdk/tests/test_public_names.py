"""What `cadence_sdk` offers, and that it needs nothing of the service."""

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import cadence_sdk

CONTRACT = {
    "PluginMetadata",
    "BasePlugin",
    "BaseAgent",
    "BaseSpecializedAgent",
    "BaseScopedAgent",
    "Loggable",
    "uvtool",
    "UvTool",
    "StreamFilter",
    "plugin_settings",
    "UvMessage",
    "UvHumanMessage",
    "UvAIMessage",
    "UvSystemMessage",
    "UvToolMessage",
    "UvContextMessage",
    "ToolCall",
    "UvState",
    "PluginContract",
    "PluginRegistry",
    "register_plugin",
    "validate_plugin_structure_shallow",
    "validate_plugin_structure",
    "install_dependencies",
    "check_dependency_installed",
    "CadenceException",
}


def test_the_public_names_are_those_of_the_contract() -> None:
    assert set(cadence_sdk.__all__) == CONTRACT


def test_nothing_else_can_be_imported_from_the_package() -> None:
    offered = {
        name
        for name, value in vars(cadence_sdk).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert offered == CONTRACT


def test_every_public_name_has_a_docstring() -> None:
    silent = [name for name in CONTRACT if not getattr(cadence_sdk, name).__doc__]

    assert silent == []


def test_importing_the_sdk_loads_nothing_of_the_service() -> None:
    program = "import sys, cadence_sdk.testing; print([m for m in sys.modules if m == 'cadence'])"

    done = subprocess.run(  # our own program
        [sys.executable, "-c", program], capture_output=True, check=True
    )

    assert done.stdout.strip() == b"[]"


def test_the_names_that_are_new_in_ours_are_where_the_documents_say() -> None:
    assert import_module("cadence_sdk.testing").PluginHarness
    assert import_module("cadence_sdk.schema").tool_parameters
    assert import_module("cadence_sdk.settings").resolve_settings
