"""What lies unpacked on disk is loaded only while it is the package that the catalog names."""

import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.unpacking import is_intact, place_package
from tests.security.zip_building import SOURCE, Entry, build_zip

PACKAGE = build_zip(
    Entry(name=b"acme/plugin.py", content=SOURCE),
    Entry(name=b"acme/tools/search.py", content=b"y = 2\n"),
    Entry(name=b"acme/empty.txt", content=b""),
)
SHA256 = hashlib.sha256(PACKAGE).hexdigest()


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    target = tmp_path / "plugins" / SHA256
    place_package(PACKAGE, target)
    return target


def test_a_package_that_was_placed_is_intact(placed: Path) -> None:
    assert is_intact(placed, sha256=SHA256)
    assert (placed / "acme" / "plugin.py").read_bytes() == SOURCE


def change_a_byte(target: Path) -> None:
    source = target / "acme" / "plugin.py"
    source.chmod(0o644)
    source.write_bytes(SOURCE.replace(b"1.0.0", b"1.0.1"))


def append_a_line(target: Path) -> None:
    source = target / "acme" / "tools" / "search.py"
    source.chmod(0o644)
    source.write_bytes(b"y = 2\nimport os\n")


def exchange_by_a_link(target: Path) -> None:
    kept = target.parent / "elsewhere.py"
    source = target / "acme" / "plugin.py"
    source.rename(kept)
    source.symlink_to(kept)


def exchange_a_folder_by_a_link(target: Path) -> None:
    kept = target.parent / "elsewhere"
    folder = target / "acme" / "tools"
    folder.rename(kept)
    folder.symlink_to(kept, target_is_directory=True)


def exchange_all_by_a_link(target: Path) -> None:
    kept = target.parent / "elsewhere"
    target.rename(kept)
    target.symlink_to(kept, target_is_directory=True)


def exchange_by_a_pipe(target: Path) -> None:
    source = target / "acme" / "plugin.py"
    source.unlink()
    os.mkfifo(source)


def add_a_file(target: Path) -> None:
    (target / "acme" / "json.py").write_bytes(b"import os\n")


def add_bytecode(target: Path) -> None:
    (target / "acme" / "__pycache__").mkdir()
    (target / "acme" / "__pycache__" / "plugin.cpython-311.pyc").write_bytes(b"x")


def take_a_file(target: Path) -> None:
    (target / "acme" / "empty.txt").unlink()


def take_the_folder(target: Path) -> None:
    shutil.rmtree(target)


def take_the_zip(target: Path) -> None:
    target.with_name(f"{target.name}.zip").unlink()


def exchange_both(target: Path) -> None:
    zip_file = target.with_name(f"{target.name}.zip")
    shutil.rmtree(target)
    zip_file.unlink()
    place_package(build_zip(Entry(name=b"plugin.py", content=SOURCE)), target)


CHANGES = [
    change_a_byte,
    append_a_line,
    exchange_by_a_link,
    exchange_a_folder_by_a_link,
    exchange_all_by_a_link,
    exchange_by_a_pipe,
    add_a_file,
    add_bytecode,
    take_a_file,
    take_the_folder,
    take_the_zip,
    exchange_both,
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_on_disk_is_noticed_and_mended(
    placed: Path, change: Callable[[Path], None]
) -> None:
    change(placed)

    assert not is_intact(placed, sha256=SHA256)

    place_package(PACKAGE, placed)
    assert is_intact(placed, sha256=SHA256)
    assert (placed / "acme" / "plugin.py").read_bytes() == SOURCE
    left = {path.name for path in placed.parent.iterdir()} - {"elsewhere", "elsewhere.py"}
    assert left == {SHA256, f"{SHA256}.zip"}


def test_placing_again_touches_nothing(placed: Path) -> None:
    before = (placed / "acme" / "plugin.py").stat()

    place_package(PACKAGE, placed)

    assert (placed / "acme" / "plugin.py").stat() == before


def test_many_that_mend_at_once_never_leave_it_broken(placed: Path) -> None:
    change_a_byte(placed)

    def mend_and_look() -> bool:
        place_package(PACKAGE, placed)
        return is_intact(placed, sha256=SHA256)

    with ThreadPoolExecutor(8) as threads:
        seen = [threads.submit(mend_and_look) for _ in range(40)]

    assert all(each.result() for each in seen)


def test_bytes_that_are_no_package_are_never_placed(tmp_path: Path) -> None:
    with pytest.raises(PluginPackageInvalid):
        place_package(build_zip(Entry(name=b"../evil.py")), tmp_path / "0a1b")

    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_is_no_package_any_more_is_not_intact(placed: Path) -> None:
    other = build_zip(Entry(name=b"../evil.py"))
    zip_file = placed.with_name(f"{placed.name}.zip")
    zip_file.unlink()
    zip_file.write_bytes(other)

    assert not is_intact(placed, sha256=hashlib.sha256(other).hexdigest())
