"""Reads what a package says about itself, with the SDK's checks and the service's errors."""

from cadence_sdk.checking import inspection
from cadence_sdk.checking.inspection import Inspected, Offer
from cadence_sdk.checking.problems import PackageRejected

from cadence.plugin_host.errors import PluginPackageInvalid


def inspect_zip(content: bytes, *, offer: Offer) -> Inspected:
    """Return the files and the manifest of a plugin's zip; runs none of its code.

    Raises `PluginPackageInvalid` with every problem. Call it off the event loop: a package made to
    be slow takes a few seconds.
    """
    try:
        return inspection.inspect_zip(content, offer=offer)
    except PackageRejected as rejected:
        raise PluginPackageInvalid(rejected.problems) from rejected
