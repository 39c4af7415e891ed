"""Where outbound calls may go: public addresses over https, and what the operator lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cadence.infra.egress.addresses import Address, Network, is_public

HTTPS_PORTS = frozenset({443, 8443})


class Scheme(StrEnum):
    """The two ways of calling that pass the door; websockets and the like do not."""

    HTTP = "http"
    HTTPS = "https"


class EgressBlocked(OSError):
    """The rules forbid this call; no byte has been sent to the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressRules:
    """What may be called.

    Addresses in `allow_networks` may be called over http and https on any port. Everything else
    must be public, and called over https on one of `https_ports`.
    """

    allow_networks: tuple[Network, ...] = ()
    https_ports: frozenset[int] = HTTPS_PORTS

    def is_listed(self, address: Address) -> bool:
        """Whether the operator listed a network that holds this address."""
        return any(address in network for network in self.allow_networks)

    def choose(
        self, addresses: Sequence[Address], *, scheme: Scheme, port: int
    ) -> Sequence[Address]:
        """Return those of one host's addresses that may be connected to.

        A host with a listed address is the operator's own, so only its listed addresses are used.
        Any other host must be public with every address: one that is not may be an attempt to
        reach inside. Raises `EgressBlocked`.
        """
        listed = [address for address in addresses if self.is_listed(address)]
        if listed:
            return listed
        if scheme is not Scheme.HTTPS:
            raise EgressBlocked("Only https may be used outside the allowed networks.")
        if port not in self.https_ports:
            raise EgressBlocked("This port may not be called outside the allowed networks.")
        if not all(map(is_public, addresses)):
            raise EgressBlocked("The host has an address that is not public.")
        return addresses
