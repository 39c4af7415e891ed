"""T8 and T9: hostile packages are refused, good ones are read, and no code runs meanwhile."""

import asyncio
import shutil
import stat
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from cadence_sdk.checking.package import PackageLimits, read_folder, read_package
from cadence_sdk.checking.problems import Code, PackageRejected
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.unpacking import place_package
from tests.security.zip_building import MIB, PLUGIN, SOURCE, Entry, build_zip, with_sample
from tests.security.zip_samples import ALIKE, GOOD, HOSTILE, Hostile


@pytest.mark.parametrize(
    "hostile", [pytest.param(case, id=name) for name, case in [*HOSTILE.items(), *ALIKE.items()]]
)
def test_a_hostile_zip_is_refused_for_its_reason(hostile: Hostile) -> None:
    with pytest.raises(PackageRejected) as refusal:
        read_package(hostile.content)

    found = [each for each in refusal.value.problems if each.code is hostile.code]
    assert any(hostile.says in problem.message for problem in found), refusal.value.problems


def reason_for(hostile: Hostile) -> str:
    """Return the message that the sample is there for, file and line aside."""
    with pytest.raises(PackageRejected) as refusal:
        read_package(hostile.content)
    messages = [problem.message for problem in refusal.value.problems]
    return next(message for message in messages if hostile.says in message)


def test_each_hostile_zip_is_refused_with_a_message_of_its_own() -> None:
    names: dict[str, list[str]] = {}
    for name, hostile in HOSTILE.items():
        names.setdefault(reason_for(hostile), []).append(name)

    assert [alike for alike in names.values() if len(alike) > 1] == []
    assert len(names) >= 60


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


SEEDS = [
    content
    for content in (
        *(each.content for each in HOSTILE.values()),
        *(each for each, _ in GOOD.values()),
    )
    if len(content) < 20_000
]


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


NAMES = st.one_of(
    st.text("aA./\\:\0\u202e -_é", min_size=1, max_size=12),
    st.lists(
        st.sampled_from(["..", ".", "", "a", "A", "plugin.py", "~", "C:", "a b", "NUL", "/", "\\"]),
        min_size=1,
        max_size=5,
    ).map("/".join),
    st.sampled_from(["../canary", "../../canary", "/etc/canary", "a/../../canary", "plugin.py/x"]),
    st.sampled_from(["acme/e.py", "acme/f/", "e.py"]),
)
MODES = st.sampled_from([
    0,
    stat.S_IFREG | 0o644,
    stat.S_IFREG | 0o6777,
    stat.S_IFLNK | 0o777,
    stat.S_IFDIR | 0o755,
    stat.S_IFIFO | 0o666,
])  # fmt: skip


ORDINARY = st.builds(
    Entry,
    name=st.sampled_from([b"a.py", b"tools/b.py", b"vendor/x/y.txt", b"A b/c-1.0.json", b"d"]),
    content=st.sampled_from([b"", b"x = 1\n", b"../../canary"]),
    mode=st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFREG | 0o6777]),
)
ODD = st.builds(
    Entry,
    name=NAMES.map(str.encode),
    flags=st.just(0x800),
    content=st.sampled_from([b"x", b"../../canary"]),
    mode=MODES,
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    says_size=st.sampled_from([None, None, 3]),
    local_name=st.sampled_from([None, None, b"../canary"]),
)


@st.composite
def built_zips(draw: st.DrawFn) -> bytes:
    """Zips with a plugin, ordinary files, and often one or two that no zip should have."""
    top = draw(st.sampled_from([b"", b"acme/"]))
    files = draw(st.lists(ORDINARY, max_size=3, unique_by=lambda entry: entry.name))
    odd = draw(st.one_of(st.just([]), st.lists(ODD, max_size=2)))
    plugin = Entry(name=b"plugin.py", content=SOURCE)
    kept = [replace(entry, name=top + entry.name) for entry in (plugin, *files)]
    return build_zip(*draw(st.permutations([*kept, *odd])))


ANY_ZIP = st.one_of(built_zips(), mutated_zips())


@pytest.mark.parametrize(
    "examples", [pytest.param(300), pytest.param(3000, marks=pytest.mark.slow)], ids=str
)
def test_whatever_zip_is_unpacked_nothing_is_written_outside_of_its_folder(
    examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = tmp_path / "a" / "b"
    around.mkdir(parents=True)
    canaries = [folder / "canary" for folder in (tmp_path, tmp_path / "a", around)]
    for canary in canaries:
        canary.write_bytes(b"alive")
    before = files_below(tmp_path)
    monkeypatch.chdir(around)
    unpacked: list[int] = []

    @settings(max_examples=examples, deadline=None, database=None)
    @given(ANY_ZIP)
    def check(content: bytes) -> None:
        target = around / "plugins" / "one"
        if is_placed(content, target):
            assert all(path.is_dir() or is_plain(path) for path in target.rglob("*"))
            unpacked.append(len(files_below(target)))
            shutil.rmtree(target.parent)
        assert [canary.read_bytes() for canary in canaries] == [b"alive"] * 3
        assert files_below(tmp_path) == before

    check()

    # Or nothing but refusals would have been tried.
    assert len(unpacked) > examples / 60
    assert len(set(unpacked)) > 1


def is_placed(content: bytes, target: Path) -> bool:
    try:
        place_package(content, target)
    except PluginPackageInvalid:
        return False
    return True


def is_plain(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o444


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
