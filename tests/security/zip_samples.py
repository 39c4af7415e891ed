"""Hostile zips with the reason to refuse each, and good ones with their top folder."""

import os
import stat
import zipfile
import zlib
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Hostile:
    """A zip, the code of the problem that it has, and what its message says, like no other's."""

    content: bytes
    code: Code
    says: str


def overlapping() -> bytes:
    body = PLUGIN.local()
    second = Entry(name=b"again.py", content=SOURCE)
    # Both records point to the same bytes, the local header being that of the first.
    directory = PLUGIN.central(0) + second.central(0)
    return body + end_of_zip(body, directory, count=None, total=2)


def unclosed() -> bytes:
    return PLUGIN.local() + Entry(name=b"more.py").local()


def in_parts() -> bytes:
    body, directory = PLUGIN.local(), PLUGIN.central(0)
    return body + end_of_zip(body, directory, count=None, total=1, disk=1)


def with_directory_elsewhere() -> bytes:
    body, directory = PLUGIN.local(), PLUGIN.central(0)
    return body + end_of_zip(body, directory, count=None, total=1, shift=7)


def zeros(size: int) -> bytes:
    return bytes(size)


def noise(size: int) -> bytes:
    return os.urandom(size)


def deflated(content: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(content) + deflate.flush()


def named(name: bytes, *, mode: int = stat.S_IFREG | 0o644, content: bytes = b"x") -> bytes:
    return with_sample(Entry(name=name, mode=mode, content=content))


def spelled(name: str) -> bytes:
    return with_sample(Entry(name=name.encode(), flags=0x800))


ZIPS = {
    "no bytes at all": Hostile(b"", Code.PACKAGE_UNREADABLE, "no bytes at all"),
    "not a zip": Hostile(
        b"#!/bin/sh\necho hello\n" * 50, Code.PACKAGE_UNREADABLE, "not a zip file"
    ),
    "never closed": Hostile(unclosed(), Code.PACKAGE_TRUNCATED, "cut short or never closed"),
    "cut in its last record": Hostile(
        with_sample()[:-3], Code.PACKAGE_TRUNCATED, "within its last record"
    ),
    "something before the zip": Hostile(
        build_zip(PLUGIN, before=b"MZ" * 40), Code.PACKAGE_UNREADABLE, "lies before the zip"
    ),
    "something after the zip": Hostile(
        build_zip(PLUGIN, after=b"tail"), Code.PACKAGE_UNREADABLE, "does not end where"
    ),
    "a directory that is elsewhere": Hostile(
        with_directory_elsewhere(), Code.PACKAGE_UNREADABLE, "directory is not where"
    ),
    "a zip in parts": Hostile(in_parts(), Code.PACKAGE_UNREADABLE, "in several parts"),
    "fewer records than said": Hostile(
        build_zip(PLUGIN, count=2), Code.PACKAGE_UNREADABLE, "holds fewer files"
    ),
    "more records than said": Hostile(
        build_zip(PLUGIN, Entry(name=b"a.py"), count=1),
        Code.PACKAGE_UNREADABLE,
        "holds more files",
    ),
    "a zip of nothing": Hostile(build_zip(), Code.PLUGIN_FILE_MISSING, "holds no files"),
    "no plugin.py": Hostile(
        build_zip(Entry(name=b"main.py")), Code.PLUGIN_FILE_MISSING, "There is no plugin.py"
    ),
    "plugin.py too deep": Hostile(
        build_zip(Entry(name=b"a/b/plugin.py")), Code.PLUGIN_FILE_MISSING, "not at a/b/plugin.py"
    ),
    "two plugins": Hostile(
        build_zip(Entry(name=b"a/plugin.py"), Entry(name=b"b/plugin.py")),
        Code.PLUGIN_FILE_MISSING,
        "several plugin.py: a/plugin.py, b/plugin.py",
    ),
}

NAMES = {
    "climbs out": Hostile(named(b"a/../../e.py"), Code.NAME_NOT_ALLOWED, "by '..'"),
    "absolute": Hostile(named(b"/etc/passwd"), Code.NAME_NOT_ALLOWED, "is absolute"),
    "backslashes": Hostile(named(b"..\\evil.py"), Code.NAME_NOT_ALLOWED, "a backslash"),
    "drive letter": Hostile(named(b"C:/evil.py"), Code.NAME_NOT_ALLOWED, "begins with a drive"),
    "empty part": Hostile(named(b"a//b.py"), Code.NAME_NOT_ALLOWED, "an empty part"),
    "no name": Hostile(named(b""), Code.NAME_NOT_ALLOWED, "name is empty"),
    "control character": Hostile(
        named(b"a\x1b[2J.py"), Code.NAME_NOT_ALLOWED, "a control character"
    ),
    "null character": Hostile(named(b"a.py\0.txt"), Code.NAME_NOT_ALLOWED, "a null character"),
    "right to left": Hostile(
        spelled("a\u202eyp.py"), Code.NAME_NOT_ALLOWED, "turns the direction of writing"
    ),
    "look-alike letter": Hostile(
        spelled("plug\u0456n.py"), Code.NAME_NOT_ALLOWED, "letters beyond ASCII"
    ),
    "a shell's signs": Hostile(named(b"a;rm -rf $HOME"), Code.NAME_NOT_ALLOWED, "may hold only"),
    "endless name": Hostile(named(b"a" * 300), Code.NAME_NOT_ALLOWED, "more than 200 characters"),
    "dot at the end": Hostile(named(b"folder./a.py"), Code.NAME_NOT_ALLOWED, "end with a dot"),
    "same name twice": Hostile(with_sample(PLUGIN), Code.NAME_DUPLICATE, "of this name twice"),
    "same name but for case": Hostile(
        named(b"Plugin.PY"), Code.NAME_DUPLICATE, "Another file's name"
    ),
    "same folder but for case": Hostile(
        with_sample(Entry(name=b"a/x.py"), Entry(name=b"A/y.py")),
        Code.NAME_DUPLICATE,
        "Another folder's name",
    ),
    "file used as a folder": Hostile(
        with_sample(Entry(name=b"a"), Entry(name=b"a/b.py")),
        Code.FILE_AS_FOLDER,
        "a file and a folder",
    ),
    "path configuration": Hostile(named(b"evil.pth"), Code.FILE_TYPE_NOT_ALLOWED, ".pth files"),
    "shared library": Hostile(
        named(b"x/lib.so.1"), Code.FILE_TYPE_NOT_ALLOWED, "Compiled libraries"
    ),
    "bytecode": Hostile(named(b"x/m.PYC"), Code.FILE_TYPE_NOT_ALLOWED, "Bytecode"),
    "sitecustomize": Hostile(
        named(b"sitecustomize.py"), Code.FILE_TYPE_NOT_ALLOWED, "files of this name by itself"
    ),
    "a program": Hostile(named(b"setup.exe"), Code.FILE_TYPE_NOT_ALLOWED, "Programs"),
}

KINDS = {
    "symbolic link": Hostile(
        named(b"link", content=b"/etc/passwd", mode=stat.S_IFLNK | 0o777),
        Code.NOT_A_REGULAR_FILE,
        "A symbolic link",
    ),
    "device": Hostile(
        named(b"null", content=b"", mode=stat.S_IFCHR | 0o666),
        Code.NOT_A_REGULAR_FILE,
        "A device is not taken",
    ),
    "disk": Hostile(
        named(b"sda", content=b"", mode=stat.S_IFBLK | 0o666),
        Code.NOT_A_REGULAR_FILE,
        "A disk is not taken",
    ),
    "pipe": Hostile(
        named(b"pipe", content=b"", mode=stat.S_IFIFO | 0o666),
        Code.NOT_A_REGULAR_FILE,
        "A pipe is not taken",
    ),
    "socket": Hostile(
        named(b"socket", content=b"", mode=stat.S_IFSOCK | 0o666),
        Code.NOT_A_REGULAR_FILE,
        "A socket is not taken",
    ),
    "a kind that there is not": Hostile(
        named(b"odd", mode=0o030000 | 0o666),
        Code.NOT_A_REGULAR_FILE,
        "Only plain files and folders",
    ),
    "file that is called a folder": Hostile(
        named(b"a/"), Code.NOT_A_REGULAR_FILE, "must not end with '/'"
    ),
    "folder that is called a file": Hostile(
        named(b"a", content=b"", mode=stat.S_IFDIR | 0o755),
        Code.NOT_A_REGULAR_FILE,
        "must end with '/'",
    ),
    "folder with content": Hostile(
        named(b"a/", mode=stat.S_IFDIR | 0o755), Code.NOT_A_REGULAR_FILE, "content of its own"
    ),
    "encrypted": Hostile(
        with_sample(Entry(name=b"a.py", flags=0x1)), Code.ENTRY_ENCRYPTED, "file is encrypted."
    ),
    "encrypted otherwise": Hostile(
        with_sample(Entry(name=b"a.py", flags=0x41)), Code.ENTRY_ENCRYPTED, "a method of its own"
    ),
    "masked": Hostile(
        with_sample(Entry(name=b"a.py", flags=0x2000)), Code.ENTRY_ENCRYPTED, "header is masked"
    ),
    "a patch": Hostile(
        with_sample(Entry(name=b"a.py", flags=0x20)), Code.ENTRY_ENCRYPTED, "a patch to another"
    ),
    "other compression": Hostile(
        with_sample(Entry(name=b"a.py", method=zipfile.ZIP_BZIP2)),
        Code.COMPRESSION_METHOD,
        "Only stored and deflated",
    ),
}

BYTES = {
    "bomb": Hostile(
        named(b"a.bin", content=zeros(4 * MIB)), Code.COMPRESSION_RATIO, "100 times its packed size"
    ),
    "bomb that says it is small": Hostile(
        with_sample(Entry(name=b"a.bin", content=zeros(4 * MIB), says_size=100)),
        Code.ENTRY_DAMAGED,
        "unpacks to more than",
    ),
    "size too large": Hostile(
        with_sample(Entry(name=b"a.py", says_size=1000)), Code.ENTRY_DAMAGED, "unpacks to less than"
    ),
    "wrong checksum": Hostile(
        with_sample(Entry(name=b"a.py", says_crc=1)), Code.ENTRY_DAMAGED, "its checksum"
    ),
    "garbage for deflate": Hostile(
        with_sample(Entry(name=b"a.py", packed=b"\xff" * 20)),
        Code.ENTRY_DAMAGED,
        "cannot be unpacked",
    ),
    "half of what was packed": Hostile(
        with_sample(
            Entry(name=b"a.py", content=SOURCE, packed=deflated(SOURCE)[:-20], says_size=400)
        ),
        Code.ENTRY_DAMAGED,
        "stops before its end",
    ),
    "something behind what was packed": Hostile(
        with_sample(Entry(name=b"a.py", packed=deflated(b"x") + b"hidden")),
        Code.ENTRY_DAMAGED,
        "something behind its end",
    ),
    "two names for one entry": Hostile(
        with_sample(Entry(name=b"good.txt", local_name=b"evil.txt")),
        Code.ENTRY_DAMAGED,
        "another name in front of it",
    ),
    "two compressions for one entry": Hostile(
        with_sample(Entry(name=b"a.txt", local_method=zipfile.ZIP_STORED)),
        Code.ENTRY_DAMAGED,
        "another compression in front of it",
    ),
    "an entry that is elsewhere": Hostile(
        with_sample(Entry(name=b"a.txt", shift=3)), Code.ENTRY_DAMAGED, "is not where the zip's"
    ),
    "an entry that ends elsewhere": Hostile(
        with_sample(Entry(name=b"a.txt", says_packed=900)), Code.ENTRY_DAMAGED, "behind the end"
    ),
    "entries that share bytes": Hostile(overlapping(), Code.ENTRY_OVERLAPS, "shares its bytes"),
    "too many files": Hostile(
        with_sample(*(Entry(name=b"f%d" % number) for number in range(500))),
        Code.TOO_MANY_FILES,
        "holds too many files",
    ),
    "a directory made for memory": Hostile(
        with_sample(*(Entry(name=b"d%d/" % number, content=b"") for number in range(20_000))),
        Code.TOO_MANY_FILES,
        "directory is longer",
    ),
    "packed too large": Hostile(
        with_sample(Entry(name=b"a.bin", content=noise(5 * MIB), method=zipfile.ZIP_STORED)),
        Code.PACKAGE_TOO_LARGE,
        "The zip has",
    ),
    "one file too large": Hostile(
        named(b"a.bin", content=zeros(5 * MIB + 1)), Code.FILE_TOO_LARGE, "The file has"
    ),
    "unpacked too large": Hostile(
        with_sample(
            *(Entry(name=b"%d.bin" % number, content=noise(500) * 9000) for number in range(5))
        ),
        Code.PACKAGE_TOO_LARGE,
        "The unpacked zip has",
    ),
}

# Each for a reason that is told of no other.
HOSTILE = {**ZIPS, **NAMES, **KINDS, **BYTES}

# Further ones, for reasons that are there already.
ALIKE = {
    "cut in the middle": Hostile(
        with_sample(Entry(name=b"a.py"))[:200], Code.PACKAGE_TRUNCATED, "cut short"
    ),
    "climbs out at once": Hostile(named(b"../evil.py"), Code.NAME_NOT_ALLOWED, "by '..'"),
    "a part that is a dot": Hostile(named(b"a/./b.py"), Code.NAME_NOT_ALLOWED, "only a dot"),
    "space at the end": Hostile(named(b"a.py "), Code.NAME_NOT_ALLOWED, "with a space"),
    "a null character in the folder": Hostile(
        named(b"a\0/b.py"), Code.NAME_NOT_ALLOWED, "a null character"
    ),
    "another character that turns": Hostile(
        spelled("a\u2067b.py"), Code.NAME_NOT_ALLOWED, "direction of writing"
    ),
    "link to a folder": Hostile(
        named(b"link/", content=b"", mode=stat.S_IFLNK | 0o777),
        Code.NOT_A_REGULAR_FILE,
        "A symbolic link",
    ),
    "size too small, checksum to match": Hostile(
        with_sample(
            Entry(name=b"a.py", content=b"abcdef", says_size=3, says_crc=zlib.crc32(b"abc"))
        ),
        Code.ENTRY_DAMAGED,
        "unpacks to more",
    ),
    "extension of Windows": Hostile(
        named(b"x/lib.pyd"), Code.FILE_TYPE_NOT_ALLOWED, "Compiled libraries"
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
