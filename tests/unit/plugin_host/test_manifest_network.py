"""Which hosts a plugin asks for, read from its source."""

import pytest
from cadence_sdk.checking.problems import Code

from tests.unit.plugin_host.manifests import plugin, problems_of, read, with_fields


def test_a_plugin_asks_for_no_host_unless_it_says_so() -> None:
    assert read(with_fields()).network == ()


def test_its_hosts_are_read_without_running_it() -> None:
    hosts = "['api.example.com', 'xn--mller-kva.example', 'a-1.b_2.example.com']"

    manifest = read(with_fields(network=hosts))

    assert manifest.network == ("api.example.com", "xn--mller-kva.example", "a-1.b_2.example.com")


def test_hosts_may_be_named_elsewhere_in_the_package() -> None:
    source = with_fields(network="[HOST, *OTHERS]").replace(
        "class Sample", "HOST = 'api.' + 'example.com'\nOTHERS = ('b.example.com',)\nclass Sample"
    )

    assert read(source).network == ("api.example.com", "b.example.com")


@pytest.mark.parametrize(
    "host",
    [
        "https://api.example.com",
        "http://api.example.com/v1",
        "api.example.com/",
        "api.example.com:443",
        "*.example.com",
        "*",
        "API.example.com",
        "127.0.0.1",
        "10.1",
        "0x7f.0x1",
        "2130706433",
        "[::1]",
        "::1",
        "2606:4700::1",
        "localhost",
        "m\u00fcller.example",
        "api.example.com.",
        ".example.com",
        "api..example.com",
        "-api.example.com",
        "api-.example.com",
        "user@api.example.com",
        "api example.com",
        "api.example.com\\n",
        "a" * 64 + ".example",
        "a." * 125 + "example",
        "",
    ],
)
def test_what_names_no_single_host_is_refused_with_its_line(host: str) -> None:
    metadata = f"""
        return PluginMetadata(
            pid="com.example.sample", name="Sample", version="1.0.0", description="A sample.",
            network=["api.example.com", "{host}"],
        )
    """

    [problem] = problems_of(plugin(metadata))

    assert problem.code is Code.NETWORK_INVALID
    assert (problem.file, problem.line) == ("plugin.py", 8)
    assert len(problem.message) < 400


@pytest.mark.parametrize(
    "network",
    [
        "'api.example.com'",
        "None",
        "[1]",
        "{'api.example.com': 443}",
        "['api.example.com', 'api.example.com']",
        "[" + ", ".join(f"'h{number}.example.com'" for number in range(21)) + "]",
    ],
)
def test_anything_but_a_short_list_of_names_is_refused(network: str) -> None:
    [problem] = problems_of(with_fields(network=network))

    assert problem.code is Code.METADATA_INVALID
    assert problem.message.startswith("network ")


def test_hosts_that_are_computed_are_refused() -> None:
    [problem] = problems_of(with_fields(network="[f'{name}.example.com']"))

    assert problem.code is Code.NOT_LITERAL
