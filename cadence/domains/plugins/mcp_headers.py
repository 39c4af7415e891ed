"""The headers that MCP servers are called with: sealed into a row, opened for a call."""

from collections.abc import Mapping

import orjson

from cadence.infra.database.tables import McpServer
from cadence.infra.secrets.sealing import Sealer
from cadence.kernel.ids import OrganizationId, new_ulid

PURPOSE = "mcp_server.headers"


class HeaderSeals:
    """Seals and opens the headers of one organization's MCP servers."""

    def __init__(self, sealer: Sealer, organization_id: OrganizationId) -> None:
        self._sealer = sealer
        self._organization_id = organization_id

    def put(self, server: McpServer, headers: Mapping[str, str]) -> None:
        """Seal headers into their row, or leave the row without any."""
        # A fresh id each time, so that an old ciphertext put back does not open.
        server.secret_id = new_ulid()
        server.header_names = sorted(headers)
        server.sealed_headers = self._seal(headers, server.secret_id) if headers else None

    def open(self, server: McpServer) -> Mapping[str, str]:
        """Return a row's headers; raises `SecretUnreadable`."""
        if server.sealed_headers is None:
            return {}
        opened: dict[str, str] = orjson.loads(
            self._sealer.open(
                server.sealed_headers,
                organization_id=self._organization_id,
                purpose=PURPOSE,
                secret_id=server.secret_id,
            )
        )
        return opened

    def renew(self, server: McpServer) -> None:
        """Seal a row's headers with the primary, in their place; raises `SecretUnreadable`."""
        if server.sealed_headers is not None:
            server.sealed_headers = self._sealer.reseal(
                server.sealed_headers,
                organization_id=self._organization_id,
                purpose=PURPOSE,
                secret_id=server.secret_id,
            )

    def _seal(self, headers: Mapping[str, str], secret_id: str) -> str:
        return self._sealer.seal(
            orjson.dumps(dict(headers)).decode(),
            organization_id=self._organization_id,
            purpose=PURPOSE,
            secret_id=secret_id,
        )
