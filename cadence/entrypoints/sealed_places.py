"""Every place that holds sealed texts, and whether the ring has the keys to them."""

from collections.abc import Mapping, Sequence

from cadence.config.settings import Settings
from cadence.domains.llm_configs.resealing import SealedKeys
from cadence.domains.mcp_servers.resealing import SealedHeaders
from cadence.domains.orchestrators.resealing import SealedSettings
from cadence.infra.database.transaction import Sessions
from cadence.infra.secrets.chosen_keys import development_keys
from cadence.infra.secrets.rotation import NO_KID, SealedPlace
from cadence.infra.secrets.sealing import Sealer


def sealed_places(*, sessions: Sessions, sealer: Sealer) -> Sequence[SealedPlace]:
    """Return the places; what is sealed anywhere else would be lost with a retired key."""
    return (
        SealedKeys(sessions=sessions, sealer=sealer),
        SealedSettings(sessions=sessions, sealer=sealer),
        SealedHeaders(sessions=sessions, sealer=sealer),
    )


async def find_lacking(
    places: Sequence[SealedPlace], settings: Settings, *, kids: Sequence[str]
) -> Sequence[str]:
    """Return a sentence for each key that something is sealed with and the ring lacks."""
    return [
        line
        for place in places
        for line in name_lacking(place, await place.count_by_kid(but=kids), settings)
    ]


def name_lacking(
    place: SealedPlace, lacking: Mapping[str, int], settings: Settings
) -> Sequence[str]:
    """Return a sentence for each key that the ring lacks, from what is sealed with those here."""
    return [
        f"{where_keys_are(settings)} lacks the key {kid}, which seals {count} {place.texts}: put "
        "it back as one more entry; docs/keys.md says what to do when it is lost."
        for kid, count in sorted(lacking.items())
        if kid != NO_KID
    ]


def where_keys_are(settings: Settings) -> str:
    """Name the variable, or the file of development keys."""
    if settings.encryption.keys is not None:
        return "CADENCE_ENCRYPTION_KEYS"
    if settings.encryption.keys_file is not None:
        return f"CADENCE_ENCRYPTION_KEYS_FILE ({settings.encryption.keys_file})"
    return str(development_keys(settings))
