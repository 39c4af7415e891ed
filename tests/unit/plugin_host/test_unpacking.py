"""Packages on disk: whole or not there, once, and never outside their folder."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cadence_sdk.checking.loading import load_plugin, unload_plugin
from cadence_sdk.checking.package import PackageContents

from cadence.plugin_host.unpacking import is_unpacked, unpack

FILES = {"plugin.py": b"x = 1\n", "tools/search.py": b"y = 2\n"}
Source = Callable[..., str]


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_file_is_written_and_cannot_be_changed(tmp_path: Path) -> None:
    target = tmp_path / "plugins" / "0a1b"

    unpack(FILES, target)

    assert written(target) == FILES
    assert stat.S_IMODE((target / "tools/search.py").stat().st_mode) == 0o444
    assert [path.name for path in target.parent.iterdir()] == ["0a1b"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    unpack(FILES, tmp_path / "0a1b")
    before = (tmp_path / "0a1b" / "plugin.py").stat()

    unpack(FILES, tmp_path / "0a1b")

    assert (tmp_path / "0a1b" / "plugin.py").stat() == before


def test_many_at_once_leave_one_whole_package(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(unpack, FILES, tmp_path / "0a1b") for _ in range(40)]

    assert [each.result() for each in done] == [None] * 40
    assert written(tmp_path / "0a1b") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["0a1b"]


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "a/../../evil.py", "."])
def test_a_name_that_leads_outside_is_never_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        unpack({"plugin.py": b"", name: b"evil"}, tmp_path / "plugins" / "0a1b")

    assert list(tmp_path.rglob("*")) == [tmp_path / "plugins"]


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    # A name longer than file systems take stands for any failure half-way through.
    with pytest.raises(OSError, match="too long"):
        unpack({"plugin.py": b"x", "n" * 300: b""}, tmp_path / "0a1b")

    assert list(tmp_path.iterdir()) == []
    assert not is_unpacked(tmp_path / "0a1b")


def test_an_empty_folder_in_its_place_is_filled(tmp_path: Path) -> None:
    (tmp_path / "0a1b").mkdir()

    unpack(FILES, tmp_path / "0a1b")

    assert written(tmp_path / "0a1b") == FILES


def test_a_package_keeps_the_top_folder_its_modules_name(
    sample_source: Source, tmp_path: Path
) -> None:
    source = sample_source(top="from acme.names import NAME")
    files = {"plugin.py": source.encode(), "names.py": b"NAME = 1"}

    unpack(PackageContents(files, folder_name="acme"), tmp_path / "0a1b")

    assert set(written(tmp_path / "0a1b")) == {"acme/plugin.py", "acme/names.py"}
    unload_plugin(load_plugin(tmp_path / "0a1b"))
