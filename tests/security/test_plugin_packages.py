"""T8 and T9: hostile packages are refused, good ones are read, and no code runs meanwhile."""

import asyncio
import os
import stat
import sys
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from cadence_sdk.checking.package import PackageLimits, read_folder, read_package
from cadence_sdk.checking.problems import Code, PackageRejected
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.security.zip_building import MIB, PLUGIN, SOURCE, Entry, build_zip, with_sample
from tests.security.zip_samples import GOOD, HOSTILE


@pytest.mark.parametrize(
    ("content", "code"), [pytest.param(*case, id=name) for name, case in HOSTILE.items()]
)
def test_a_hostile_zip_is_refused_for_its_reason(content: bytes, code: Code) -> None:
    with pytest.raises(PackageRejected) as refusal:
        read_package(content)

    assert code in {problem.code for problem in refusal.value.problems}


@pytest.mark.parametrize(
    ("content", "folder_name"), [pytest.param(*case, id=name) for name, case in GOOD.items()]
)
def test_a_good_zip_is_read_from_where_plugin_py_lies(
    content: bytes, folder_name: str | None
) -> None:
    package = read_package(content)

    assert dict(package) == {"plugin.py": SOURCE}
    assert package.folder_name == folder_name


def test_what_zipfile_writes_is_read_back_whole() -> None:
    written = {"acme/plugin.py": SOURCE, "acme/articles/a b.md": b"# A\n", "acme/empty.txt": b""}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in written.items():
            archive.writestr(name, content)

    package = read_package(buffer.getvalue())

    assert {f"acme/{name}": content for name, content in package.items()} == written


def test_every_problem_of_a_package_is_told_at_once() -> None:
    content = build_zip(
        Entry(name=b"../up.py"),
        Entry(name=b"link", mode=stat.S_IFLNK | 0o777),
        Entry(name=b"m.pyc"),
        Entry(name=b"bad.txt", says_crc=7),
    )

    with pytest.raises(PackageRejected) as refusal:
        read_package(content)

    assert [(problem.code, problem.file) for problem in refusal.value.problems] == [
        (Code.NAME_NOT_ALLOWED, "../up.py"),
        (Code.NOT_A_REGULAR_FILE, "link"),
        (Code.FILE_TYPE_NOT_ALLOWED, "m.pyc"),
        (Code.ENTRY_DAMAGED, "bad.txt"),
    ]


def test_a_problem_shows_a_hostile_name_in_plain_ascii() -> None:
    content = with_sample(Entry(name="a\u202e\n\x1b.py".encode(), flags=0x800))

    with pytest.raises(PackageRejected) as refusal:
        read_package(content)

    assert refusal.value.problems[0].file == "a\\u202e\\n\\x1b.py"


def test_the_limits_are_the_callers() -> None:
    tight = PackageLimits(packed=MIB, unpacked=len(SOURCE), file=len(SOURCE), files=1)

    assert dict(read_package(build_zip(PLUGIN), tight)) == {"plugin.py": SOURCE}
    with pytest.raises(PackageRejected):
        read_package(with_sample(Entry(name=b"a")), tight)


def test_a_folder_is_read_like_its_zip_without_what_tools_leave(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    for name in ("plugin.py", "__pycache__/plugin.cpython-311.pyc", ".git/config", ".DS_Store"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SOURCE)

    package = read_folder(folder)

    assert dict(package) == {"plugin.py": SOURCE}
    assert package.folder_name == "acme"


def test_a_folder_with_a_link_out_of_it_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "plugin.py").write_bytes(SOURCE)
    (folder / "notes.txt").symlink_to(secret)

    with pytest.raises(PackageRejected) as refusal:
        read_folder(folder)

    assert [(each.code, each.file) for each in refusal.value.problems] == [
        (Code.NOT_A_REGULAR_FILE, "notes.txt")
    ]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageRejected) as refusal:
        read_folder(tmp_path / "nowhere")

    assert refusal.value.problems[0].code is Code.PACKAGE_UNREADABLE


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def outcome_of(content: bytes) -> str:
    try:
        package = read_package(content)
    except PackageRejected as refusal:
        return "refused" if refusal.problems else "refused without a reason"
    return "read" if "plugin.py" in package else "read without plugin.py"


SEEDS = [content for content, _ in [*HOSTILE.values(), *GOOD.values()] if len(content) < 20_000]


@st.composite
def mutated_zips(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(SEEDS)))
    places = st.integers(0, max(len(content) - 1, 0))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(places)
        content[start : start + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(content)


@pytest.mark.parametrize(
    "contents",
    [
        pytest.param(st.binary(max_size=400), id="random bytes"),
        pytest.param(mutated_zips(), id="mutated zips"),
    ],
)
def test_no_bytes_give_anything_but_files_or_reasons_and_nothing_is_written(
    contents: st.SearchStrategy[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace = tmp_path / "a" / "b"
    workplace.mkdir(parents=True)
    monkeypatch.chdir(workplace)

    @settings(max_examples=1500, deadline=None, database=None)
    @given(contents)
    def check(content: bytes) -> None:
        assert outcome_of(content) in {"read", "refused"}

    check()

    assert files_below(tmp_path) == ["a", "a/b"]


@settings(max_examples=300, deadline=None, database=None)
@given(
    names=st.lists(st.text("aA./\\:\0\u202e -_é", min_size=1, max_size=12), min_size=1, max_size=6)
)
def test_a_name_that_is_let_through_stays_inside_any_folder(names: Sequence[str]) -> None:
    entries = (Entry(name=name.encode(), flags=0x800) for name in names)
    try:
        package = read_package(with_sample(*entries))
    except PackageRejected:
        return

    base = Path("/srv/plugins/one")
    assert all(
        Path(os.path.normpath(base / name)).is_relative_to(base) and "\\" not in name
        for name in package
    )


CANARY_PLUGIN = b"""
import pathlib
pathlib.Path(__CANARY__).write_text("the module ran")
""" + SOURCE.replace(
    b"        return PluginMetadata",
    b"        pathlib.Path(__CANARY__).write_text('the method ran')\n        return PluginMetadata",
)

WATCHED_CHECK = """
import sys
from pathlib import Path
from cadence_sdk.checking.loading import load_plugin
from cadence_sdk.checking.manifest import read_manifest
from cadence_sdk.checking.package import read_package

content = Path(sys.argv[1]).read_bytes()
refused = ("subprocess", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.connect")

def watch(event, arguments):
    if event.startswith(refused):
        raise RuntimeError(f"the check does {event}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise RuntimeError("the check writes a file")
    if event == "exec" and Path(arguments[0].co_filename).name == "plugin.py":
        raise RuntimeError("the check runs the plugin")
    if event == "import" and "plugin" in arguments[0].split("."):
        raise RuntimeError("the check imports the plugin")

sys.addaudithook(watch)
print(read_manifest(read_package(content)).pid)
if len(sys.argv) > 2:
    load_plugin(Path(sys.argv[2]))
"""


async def run_watched(*arguments: str) -> tuple[int | None, str, str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WATCHED_CHECK,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode, out.decode(), err.decode()


async def test_checking_a_package_runs_none_of_its_code(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    source = CANARY_PLUGIN.replace(b"__CANARY__", repr(str(canary)).encode())
    package = tmp_path / "package.zip"
    package.write_bytes(build_zip(Entry(name=b"plugin.py", content=source)))

    code, out, err = await run_watched(str(package))

    assert (code, out.strip()) == (0, "com.example.sample"), err
    assert not canary.exists()


async def test_the_watch_of_the_test_above_sees_code_that_runs(tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(build_zip(PLUGIN))
    (tmp_path / "plugin.py").write_bytes(SOURCE)

    code, _, err = await run_watched(str(package), str(tmp_path))

    assert code != 0
    assert "the check imports the plugin" in err or "the check runs the plugin" in err
