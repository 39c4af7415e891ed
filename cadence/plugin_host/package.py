"""Reads an uploaded zip, with the SDK's checks and the service's errors."""

from cadence_sdk.checking import package as checks
from cadence_sdk.checking.package import DEFAULT_LIMITS, PackageContents, PackageLimits
from cadence_sdk.checking.problems import PackageRejected

from cadence.plugin_host.errors import PluginPackageInvalid


def read_package(content: bytes, limits: PackageLimits = DEFAULT_LIMITS) -> PackageContents:
    """Return the files of a plugin's zip; raises `PluginPackageInvalid` with every problem.

    Unpacks up to 20 MiB: call it off the event loop.
    """
    try:
        return checks.read_package(content, limits)
    except PackageRejected as rejected:
        raise PluginPackageInvalid(rejected.problems) from rejected
