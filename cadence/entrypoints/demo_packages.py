"""The example plugins that come with the SDK, as packages to upload."""

import io
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from cadence_sdk.checking.package import read_folder
from cadence_sdk.checking.problems import PackageRejected

from cadence.entrypoints.demo_calls import DemoFailed

EXAMPLES = Path(__file__).resolve().parents[2] / "sdk" / "examples"
# Each example's folder, and the pid that its tools' names begin with.
PLUGINS = {
    "calculator": "com.cadence.calculator",
    "knowledge_base": "com.cadence.knowledge_base",
}


def zip_folder(folder: Path) -> bytes:
    """Zip a plugin's folder as `cadence_sdk check` reads it; raises `DemoFailed`."""
    try:
        files = read_folder(folder)
    except PackageRejected as rejection:
        reasons = "; ".join(map(str, rejection.problems))
        raise DemoFailed(
            f"The example plugin in {folder} cannot be packed: {reasons}"
        ) from rejection
    return _zip(folder.name, files)


def _zip(top: str, files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            # Without the clock: the catalog knows a package again by its bytes.
            entry = ZipInfo(f"{top}/{name}")
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()
