"""One tiny real call that shows whether a model can be used."""

import httpx2

from cadence.engine.models.one_shot import require_success, send
from cadence.engine.models.one_shot_requests import build_request
from cadence.engine.spec import ModelSpec

# How a provider words that it would have gone on. Lower case.
STOPPED_AT_LIMIT = b"output limit was reached"


class HttpModelProbe:
    """Calls models through the guarded client that all model calls share."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def probe(self, spec: ModelSpec) -> None:
        """Return when the model has answered; raises an `EngineError` when it has not.

        Waits as long as the client does for each part of the call; whoever needs a bound on the
        whole sets it.
        """
        request = build_request(spec)
        answer = await send(self._client, request)
        if not answer.is_bad_request_saying(STOPPED_AT_LIMIT):
            require_success(answer, request)
