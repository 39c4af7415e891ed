"""What may be stored as a base_url, and which addresses count as public (T12)."""

import pytest

from cadence.infra.egress.addresses import find_literal, is_public, parse_networks
from cadence.infra.egress.rules import EgressRules
from cadence.infra.egress.urls import check_url
from tests.fixtures.addresses import INTERNAL_ADDRESSES, PUBLIC_ADDRESSES

CLOSED = EgressRules()
OWN = EgressRules(allow_networks=parse_networks("127.0.0.0/8, 10.1.0.0/16, fd00:7::/64"))


@pytest.mark.parametrize("text", INTERNAL_ADDRESSES)
def test_an_internal_address_is_not_public(text: str) -> None:
    address = find_literal(text)

    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize("text", PUBLIC_ADDRESSES)
def test_an_address_of_the_open_internet_is_public(text: str) -> None:
    address = find_literal(text)

    assert address is not None
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "HTTPS://api.openai.com",
        "https://api.openai.com:443/v1/",
        "https://models.example.com:8443",
        "https://xn--mller-kva.example/v1",
        "https://8.8.8.8/v1",
        "https://[2606:4700::6812:7c0]:8443/v1",
        "https://my_host.example.com",
        "https://7.example",
    ],
)
def test_a_public_https_url_may_be_stored(url: str) -> None:
    assert check_url(url, CLOSED) is None


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:11434/v1", id="listed address"),
        pytest.param("http://localhost:11434/v1", id="localhost while loopback is listed"),
        pytest.param("http://10.1.2.3:8000", id="listed address of a network"),
        pytest.param("https://10.1.2.3:9999", id="any port over https"),
        pytest.param("http://[fd00:7::1]:8000", id="listed IPv6"),
        pytest.param("http://vllm.internal:8000/v1", id="a name that may be the operator's own"),
        pytest.param("https://api.openai.com/v1", id="public as ever"),
    ],
)
def test_an_operators_own_target_may_be_stored(url: str) -> None:
    assert check_url(url, OWN) is None


@pytest.mark.parametrize("host", INTERNAL_ADDRESSES)
def test_a_url_to_an_internal_address_is_refused(host: str) -> None:
    bracketed = f"[{host}]" if ":" in host else host

    problem = check_url(f"https://{bracketed}/v1", CLOSED)

    assert problem == "must not lead to an address that is not public"


URL_TRICKS = [
    "",
    "api.openai.com",
    "//api.openai.com",
    "https:api.openai.com",
    "https:///api.openai.com",
    "https://",
    "https://:443",
    "http://api.openai.com",
    "ftp://api.openai.com",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "ws://api.openai.com",
    "wss://api.openai.com",
    "javascript:alert(1)",
    "https://user@api.openai.com",
    "https://user:password@api.openai.com",
    "https://api.openai.com@127.0.0.1",
    "https://127.0.0.1:443@api.openai.com",
    "https://@api.openai.com",
    "https://127.0.0.1\\@api.openai.com",
    "https://api.openai.com\\.example.com",
    "https://127.0.0.1#@api.openai.com",
    "https://api.openai.com#fragment",
    "https://api.openai.com?query",
    "https://api.openai.com/v1?",
    "https://api.openai.com/v1#",
    "https://localhost",
    "https://LOCALHOST",
    "https://localhost.",
    "https://api.openai.com.",
    "https://any.localhost",
    "https://127.1",
    "https://127.0.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0X7F.1",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://127.0.0.01",
    "https://0",
    "https://0x",
    "https://256.256.256.256",
    "https://8.8.8",
    "https://127.0.0.1.",
    "https://127.0.0.1%00.example.com",
    "https://127.0.0.1%2eexample.com",
    "https://127.0.0.1;@api.openai.com",
    "https://api.openai.com:443@127.0.0.1",
    "https://api.openai.com%2f@127.0.0.1",
    "https://api.openai.com;.127.0.0.1",
    "https:/127.0.0.1/",
    "https:\\\\127.0.0.1",
    "https://%5B::1%5D",
    "https://0xa9fea9fe",
    "https://0251.0376.0251.0376",
    "https://425.510.425.510",
    "https://%31%32%37.0.0.1",
    "https://[::1]",
    "https://[::1%25lo]",
    "https://[fe80::1%25eth0]",
    "https://[127.0.0.1]",
    "https://[v1.example]",
    "https://[::1",
    "https://::1/",
    "https://①②⑦.⓪.⓪.①",
    "https://127。0。0。1",
    "https://\uff41pi.openai.com",
    "https://müller.example",
    "https://api.openai.com\n",
    "https://api.openai.com\t/v1",
    " https://api.openai.com",
    "https://api openai.com",
    "https://api.openai.com\x00",
    "https://api.openai.com\x7f",
    "https://api.openai.com:22",
    "https://api.openai.com:80",
    "https://api.openai.com:0",
    "https://api.openai.com:",
    "https://api.openai.com:65536",
    "https://api.openai.com:-1",
    "https://api.openai.com:443:443",
    "https://api.openai.com:\uff14\uff14\uff13",
    "https://-api.openai.com",
    "https://api..openai.com",
    "https://" + "a" * 64 + ".example",
    "https://" + "a." * 127 + "example",
    "https://api.openai.com/" + "a" * 2048,
]


@pytest.mark.parametrize("url", URL_TRICKS)
def test_a_url_that_parsers_may_read_differently_is_refused(url: str) -> None:
    problem = check_url(url, CLOSED)

    assert problem is not None
    assert problem.startswith("must ")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.2.0.1:8000",
        "https://10.2.0.1",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]:11434",
        "http://[::ffff:10.1.2.3]",
        "http://8.8.8.8",
        "https://8.8.8.8:22",
        "http://user@127.0.0.1",
        "http://127.1",
    ],
)
def test_listing_one_network_opens_no_other(url: str) -> None:
    assert check_url(url, OWN) is not None


def test_a_text_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        parse_networks("127.0.0.0/8, 10.0.0.1/8")
