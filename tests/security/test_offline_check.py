"""`python -m cadence_sdk check` and an upload say the same of a package, and run none of it."""

import asyncio
import sys
from pathlib import Path

import pytest
from cadence_sdk.checking.problems import Code, Problem
from cadence_sdk.command import find_problems

from cadence.config.settings import PluginDependencies
from cadence.plugin_host.dependencies import build_offer
from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.manifest import inspect_zip
from tests.security.zip_building import PLUGIN, SOURCE, Entry, build_zip
from tests.security.zip_samples import ALIKE, GOOD, HOSTILE

OFFER = build_offer(PluginDependencies.ALLOWLIST)
WRONG = {"pid": b'"Sample"', "version": b'f"{1}.0"', "stateless": b"1", "dependencies": b'["-r x"]'}


def wrong_source(*fields: str) -> bytes:
    given = b"".join(b"%s=%s, " % (field.encode(), WRONG[field]) for field in fields)
    kept = SOURCE
    for field, value in (("pid", b'pid="com.example.sample", '), ("version", b'version="1.0.0", ')):
        kept = kept.replace(value, b"") if field in fields else kept
    return kept.replace(b"PluginMetadata(\n            ", b"PluginMetadata(\n            " + given)


def package(source: bytes, **others: bytes) -> bytes:
    entries = [Entry(name=f"{name}.py".encode(), content=each) for name, each in others.items()]
    return build_zip(Entry(name=b"acme/plugin.py", content=source), *entries)


SOURCES = {
    "one field": package(wrong_source("pid")),
    "every field": package(wrong_source(*WRONG)),
    "a setting": package(
        SOURCE.replace(b"class Sample", b"@plugin_settings([{'key': 'a'}])\nclass Sample")
    ),
    "no plugin": package(b"x = 1\n"),
    "two plugins": package(SOURCE + SOURCE.replace(b"Sample", b"Other")),
    "no Python": package(b"def broken(:\n"),
    "another encoding": package(b"# -*- coding: utf-7 -*-\n" + SOURCE),
    "source and zip": build_zip(
        Entry(name=b"plugin.py", content=wrong_source("pid")), Entry(name=b"evil.pth")
    ),
    "two files": build_zip(
        Entry(name=b"plugin.py", content=wrong_source("version", "stateless")),
        Entry(name=b"more.py", content=b"def broken(:"),
    ),
}
BAD = {name: each.content for name, each in {**HOSTILE, **ALIKE}.items()} | SOURCES
ALL = BAD | {name: content for name, (content, _) in GOOD.items()}


def problems_at_upload(content: bytes) -> list[Problem]:
    try:
        inspect_zip(content, offer=OFFER)
    except PluginPackageInvalid as invalid:
        return list(invalid.problems)
    return []


def problems_offline(content: bytes, folder: Path) -> list[Problem]:
    file = folder / "package.zip"
    file.write_bytes(content)
    # What only shows when the code runs is not of the checks that are the same.
    return [each for each in find_problems(file) if each.code is not Code.LOADING_FAILED]


@pytest.mark.parametrize("name", ALL)
def test_the_offline_check_says_what_an_upload_says(name: str, tmp_path: Path) -> None:
    at_upload = problems_at_upload(ALL[name])

    assert problems_offline(ALL[name], tmp_path) == at_upload
    assert bool(at_upload) is (name in BAD)


def test_what_is_wrong_with_the_metadata_is_told_at_once_with_file_and_line() -> None:
    found = problems_at_upload(SOURCES["every field"])

    assert [(each.file, each.line) for each in found] == [("plugin.py", 8)] * len(WRONG)
    assert {each.code for each in found} == {
        Code.METADATA_INVALID,
        Code.NOT_LITERAL,
        Code.DEPENDENCY_INVALID,
    }


WATCHED_UPLOAD = """
import sys
from pathlib import Path

from cadence.config.settings import PluginDependencies
from cadence.plugin_host.dependencies import build_offer
from cadence.plugin_host.errors import PluginPackageInvalid
from cadence.plugin_host.manifest import inspect_zip

offer = build_offer(PluginDependencies.ALLOWLIST)
good, *others = map(Path, sys.argv[1:])
# Whatever the checks import when they are first needed is there after this.
inspect_zip(good.read_bytes(), offer=offer)
contents = [(path.name, path.read_bytes()) for path in others]
refused = ("subprocess", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket", "import")
writing = set("wax+")

def watch(event, arguments):
    if event.startswith(refused):
        raise SystemExit(f"the check does {event} {arguments}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & writing:
        raise SystemExit(f"the check writes {arguments}")
    if event == "exec":
        raise SystemExit(f"the check runs {arguments}")

sys.addaudithook(watch)
for name, content in contents:
    try:
        inspect_zip(content, offer=offer)
        print(name, "taken")
    except PluginPackageInvalid as invalid:
        print(name, *sorted({problem.code for problem in invalid.problems}))
"""

CANARY = b"import pathlib\npathlib.Path('CANARY').write_text('ran')\n" + SOURCE
DEPENDENCIES = (
    "--index-url=http://evil.example",
    "pkg @ https://evil.example/p.whl",
    "pkg; python_version<'3'",
    "cadence-skd",
    "httpx[http2]",
    "git+https://evil.example/p",
)


def asking_for(dependency: str) -> bytes:
    field = f'description="A sample.", dependencies=[{dependency!r}]'
    return package(SOURCE.replace(b'description="A sample."', field.encode()))


async def test_an_upload_runs_imports_starts_and_writes_nothing_before_the_sandbox(
    tmp_path: Path,
) -> None:
    packages = {"good.zip": build_zip(PLUGIN), "canary.zip": package(CANARY)}
    packages |= {f"{n}.zip": asking_for(each) for n, each in enumerate(DEPENDENCIES)}
    for name, content in packages.items():
        place_file(tmp_path / name, content)

    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WATCHED_UPLOAD,
        *(str(tmp_path / name) for name in packages),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()

    assert child.returncode == 0, err.decode()
    assert dict(line.split(" ", 1) for line in out.decode().splitlines()) == {
        "canary.zip": "taken",
        "0.zip": "dependency_invalid",
        "1.zip": "dependency_invalid",
        "2.zip": "dependency_invalid",
        "3.zip": "dependency_unavailable",
        "4.zip": "dependency_invalid",
        "5.zip": "dependency_invalid",
    }
    assert names_in(tmp_path) == set(packages)


def place_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
