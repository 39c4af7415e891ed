"""Hostile zips with the reason to refuse each, and good ones with their top folder."""

import os
import stat
import zipfile
import zlib

from cadence_sdk.checking.problems import Code

from tests.security.zip_building import (
    MIB,
    PLUGIN,
    SOURCE,
    Entry,
    build_zip,
    end_of_zip,
    with_sample,
)


def overlapping() -> bytes:
    body = PLUGIN.local()
    second = Entry(name=b"again.py", content=SOURCE)
    # Both records point to the same bytes, the local header being that of the first.
    directory = PLUGIN.central(0) + second.central(0)
    return body + end_of_zip(body, directory, count=None, total=2)


def unclosed() -> bytes:
    return PLUGIN.local() + Entry(name=b"more.py").local()


def zeros(size: int) -> bytes:
    return bytes(size)


def noise(size: int) -> bytes:
    return os.urandom(size)


HOSTILE = {
    "no bytes at all": (b"", Code.PACKAGE_UNREADABLE),
    "not a zip": (b"#!/bin/sh\necho hello\n" * 50, Code.PACKAGE_UNREADABLE),
    "a zip of nothing": (build_zip(), Code.PLUGIN_FILE_MISSING),
    "cut in the middle": (with_sample(Entry(name=b"a.py"))[:200], Code.PACKAGE_TRUNCATED),
    "cut in its last record": (with_sample()[:-3], Code.PACKAGE_TRUNCATED),
    "never closed": (unclosed(), Code.PACKAGE_TRUNCATED),
    "something before the zip": (build_zip(PLUGIN, before=b"MZ" * 40), Code.PACKAGE_UNREADABLE),
    "something after the zip": (build_zip(PLUGIN, after=b"tail"), Code.PACKAGE_UNREADABLE),
    "fewer records than said": (build_zip(PLUGIN, count=2), Code.PACKAGE_UNREADABLE),
    "more records than said": (
        build_zip(PLUGIN, Entry(name=b"a.py"), count=1),
        Code.PACKAGE_UNREADABLE,
    ),
    "climbs out": (with_sample(Entry(name=b"../evil.py")), Code.NAME_NOT_ALLOWED),
    "climbs out from inside": (with_sample(Entry(name=b"a/../../e.py")), Code.NAME_NOT_ALLOWED),
    "absolute": (with_sample(Entry(name=b"/etc/passwd")), Code.NAME_NOT_ALLOWED),
    "backslashes": (with_sample(Entry(name=b"..\\evil.py")), Code.NAME_NOT_ALLOWED),
    "drive letter": (with_sample(Entry(name=b"C:/evil.py")), Code.NAME_NOT_ALLOWED),
    "empty part": (with_sample(Entry(name=b"a//b.py")), Code.NAME_NOT_ALLOWED),
    "control character": (with_sample(Entry(name=b"a\x1b[2J.py")), Code.NAME_NOT_ALLOWED),
    "null character": (with_sample(Entry(name=b"a.py\0.txt")), Code.NAME_NOT_ALLOWED),
    "right to left": (
        with_sample(Entry(name="a\u202eyp.py".encode(), flags=0x800)),
        Code.NAME_NOT_ALLOWED,
    ),
    "look-alike letter": (
        with_sample(Entry(name="plug\u0456n.py".encode(), flags=0x800)),
        Code.NAME_NOT_ALLOWED,
    ),
    "endless name": (with_sample(Entry(name=b"a" * 300)), Code.NAME_NOT_ALLOWED),
    "dot at the end": (with_sample(Entry(name=b"folder./a.py")), Code.NAME_NOT_ALLOWED),
    "symbolic link": (
        with_sample(Entry(name=b"link", content=b"/etc/passwd", mode=stat.S_IFLNK | 0o777)),
        Code.NOT_A_REGULAR_FILE,
    ),
    "link to a folder": (
        with_sample(Entry(name=b"link/", content=b"", mode=stat.S_IFLNK | 0o777)),
        Code.NOT_A_REGULAR_FILE,
    ),
    "device": (
        with_sample(Entry(name=b"null", content=b"", mode=stat.S_IFCHR | 0o666)),
        Code.NOT_A_REGULAR_FILE,
    ),
    "pipe": (
        with_sample(Entry(name=b"pipe", content=b"", mode=stat.S_IFIFO | 0o666)),
        Code.NOT_A_REGULAR_FILE,
    ),
    "folder with content": (with_sample(Entry(name=b"a/")), Code.NOT_A_REGULAR_FILE),
    "encrypted": (with_sample(Entry(name=b"a.py", flags=0x1)), Code.ENTRY_ENCRYPTED),
    "other compression": (
        with_sample(Entry(name=b"a.py", method=zipfile.ZIP_BZIP2)),
        Code.COMPRESSION_METHOD,
    ),
    "bomb": (with_sample(Entry(name=b"a.bin", content=zeros(4 * MIB))), Code.COMPRESSION_RATIO),
    "bomb that says it is small": (
        with_sample(Entry(name=b"a.bin", content=zeros(4 * MIB), says_size=100)),
        Code.ENTRY_DAMAGED,
    ),
    "size too small, checksum to match": (
        with_sample(
            Entry(name=b"a.py", content=b"abcdef", says_size=3, says_crc=zlib.crc32(b"abc"))
        ),
        Code.ENTRY_DAMAGED,
    ),
    "size too large": (with_sample(Entry(name=b"a.py", says_size=1000)), Code.ENTRY_DAMAGED),
    "wrong checksum": (with_sample(Entry(name=b"a.py", says_crc=1)), Code.ENTRY_DAMAGED),
    "garbage for deflate": (
        with_sample(Entry(name=b"a.py", packed=b"\xff" * 20)),
        Code.ENTRY_DAMAGED,
    ),
    "two names for one entry": (
        with_sample(Entry(name=b"good.txt", local_name=b"evil.txt")),
        Code.ENTRY_DAMAGED,
    ),
    "entries that share bytes": (overlapping(), Code.ENTRY_OVERLAPS),
    "same name twice": (with_sample(PLUGIN), Code.NAME_DUPLICATE),
    "same name but for case": (with_sample(Entry(name=b"Plugin.PY")), Code.NAME_DUPLICATE),
    "same folder but for case": (
        with_sample(Entry(name=b"a/x.py"), Entry(name=b"A/y.py")),
        Code.NAME_DUPLICATE,
    ),
    "file used as a folder": (
        with_sample(Entry(name=b"a"), Entry(name=b"a/b.py")),
        Code.FILE_AS_FOLDER,
    ),
    "path configuration": (with_sample(Entry(name=b"evil.pth")), Code.FILE_TYPE_NOT_ALLOWED),
    "shared library": (with_sample(Entry(name=b"x/lib.so.1")), Code.FILE_TYPE_NOT_ALLOWED),
    "bytecode": (with_sample(Entry(name=b"x/m.PYC")), Code.FILE_TYPE_NOT_ALLOWED),
    "sitecustomize": (with_sample(Entry(name=b"sitecustomize.py")), Code.FILE_TYPE_NOT_ALLOWED),
    "no plugin.py": (build_zip(Entry(name=b"main.py")), Code.PLUGIN_FILE_MISSING),
    "plugin.py too deep": (build_zip(Entry(name=b"a/b/plugin.py")), Code.PLUGIN_FILE_MISSING),
    "two top folders": (
        build_zip(Entry(name=b"a/plugin.py"), Entry(name=b"b/plugin.py")),
        Code.PLUGIN_FILE_MISSING,
    ),
    "too many files": (
        with_sample(*(Entry(name=b"f%d" % number) for number in range(500))),
        Code.TOO_MANY_FILES,
    ),
    "a directory made for memory": (
        with_sample(*(Entry(name=b"d%d/" % number, content=b"") for number in range(20_000))),
        Code.TOO_MANY_FILES,
    ),
    "packed too large": (
        with_sample(Entry(name=b"a.bin", content=noise(5 * MIB), method=zipfile.ZIP_STORED)),
        Code.PACKAGE_TOO_LARGE,
    ),
    "one file too large": (
        with_sample(Entry(name=b"a.bin", content=zeros(5 * MIB + 1))),
        Code.FILE_TOO_LARGE,
    ),
    "unpacked too large": (
        with_sample(
            *(Entry(name=b"%d.bin" % number, content=noise(500) * 9000) for number in range(5))
        ),
        Code.PACKAGE_TOO_LARGE,
    ),
}


GOOD = {
    "flat": (build_zip(PLUGIN), None),
    "stored": (
        build_zip(Entry(name=b"plugin.py", content=SOURCE, method=zipfile.ZIP_STORED)),
        None,
    ),
    "one top folder": (build_zip(Entry(name=b"acme/plugin.py", content=SOURCE)), "acme"),
    "with folder entries": (
        build_zip(
            Entry(name=b"acme/", content=b"", method=zipfile.ZIP_STORED, mode=stat.S_IFDIR | 0o755),
            Entry(name=b"acme/plugin.py", content=SOURCE),
        ),
        "acme",
    ),
    "streamed with descriptors": (
        build_zip(Entry(name=b"plugin.py", content=SOURCE, has_descriptor=True)),
        None,
    ),
    "from Windows, without modes": (
        build_zip(Entry(name=b"plugin.py", content=SOURCE, mode=0)),
        None,
    ),
    "from a Mac": (
        build_zip(
            Entry(name=b"acme/plugin.py", content=SOURCE),
            Entry(name=b"acme/.DS_Store"),
            Entry(name=b"__MACOSX/acme/._plugin.py"),
        ),
        "acme",
    ),
}
