"""What an operator is warned of about plugins."""

import pytest

from cadence.config.settings import Settings
from cadence.domains.operations.cautions import find_cautions
from cadence.plugin_host.isolation import Isolation, IsolationLevel

SETTINGS = Settings(_env_file=None)
ABOUT_PLUGINS = {"plugin_isolation_weak", "plugins_refused"}


@pytest.mark.parametrize(
    ("level", "code"),
    [
        (IsolationLevel.NAMESPACES, None),
        (IsolationLevel.LOCK, None),
        (IsolationLevel.PROCESS, "plugin_isolation_weak"),
        (IsolationLevel.OFF, "plugin_isolation_weak"),
        (None, "plugins_refused"),
    ],
)
def test_weak_levels_and_refusals_are_warned_of_with_the_remedy(
    level: IsolationLevel | None, code: str | None
) -> None:
    isolation = Isolation(level=level, cause="it is so", remedy="Mend it.")

    found = [each for each in find_cautions(SETTINGS, isolation) if each.code in ABOUT_PLUGINS]

    assert [each.code for each in found] == ([] if code is None else [code])
    assert all(each.message.endswith("Mend it.") for each in found)
