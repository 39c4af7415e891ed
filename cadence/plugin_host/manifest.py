"""Reads what a package says about itself, with the SDK's checks and the service's errors."""

from collections.abc import Mapping

from cadence_sdk.checking import manifest as checks
from cadence_sdk.checking.manifest import Manifest
from cadence_sdk.checking.problems import PackageRejected

from cadence.plugin_host.errors import PluginPackageInvalid


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest of a package that `read_package` has taken; runs none of its code.

    Raises `PluginPackageInvalid` with every problem. Call it off the event loop: a package made to
    be slow takes a few seconds.
    """
    try:
        return checks.read_manifest(files)
    except PackageRejected as rejected:
        raise PluginPackageInvalid(rejected.problems) from rejected
