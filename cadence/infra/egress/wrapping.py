"""Clients over a guarded transport that somebody has put more around."""

from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

CONNECT_WITHIN = 5.0


def build_client(
    transport: httpx2.AsyncBaseTransport, *, headers: Mapping[str, str], within: float
) -> httpx2.AsyncClient:
    """Return a client that goes through `transport`, which must lead to a guarded one.

    Like the shared ones it keeps no cookies, follows no redirects and ignores the environment;
    `within` is in seconds, for each read and write.
    """
    return httpx2.AsyncClient(
        transport=transport,
        headers=dict(headers),
        trust_env=False,
        follow_redirects=False,
        max_redirects=0,
        timeout=httpx2.Timeout(within, connect=CONNECT_WITHIN, pool=CONNECT_WITHIN),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
