"""Builds zips byte by byte, so that they may lie where `zipfile` would not let them."""

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass

SOURCE = b"""
from cadence_sdk import BasePlugin, PluginMetadata

class Sample(BasePlugin):
    @staticmethod
    def get_metadata():
        return PluginMetadata(
            pid="com.example.sample", name="Sample", version="1.0.0", description="A sample."
        )

    @staticmethod
    def create_agent():
        raise NotImplementedError
"""
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a zip, written byte by byte so that it may lie."""

    name: bytes
    content: bytes = b"x"
    method: int = zipfile.ZIP_DEFLATED
    mode: int = stat.S_IFREG | 0o644
    flags: int = 0
    says_size: int | None = None
    says_crc: int | None = None
    says_packed: int | None = None
    local_name: bytes | None = None
    local_method: int | None = None
    shift: int = 0
    packed: bytes | None = None
    has_descriptor: bool = False

    def payload(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method != zipfile.ZIP_DEFLATED:
            return self.content
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(self.content) + deflate.flush()

    def size(self) -> int:
        return len(self.content) if self.says_size is None else self.says_size

    def crc(self) -> int:
        return zlib.crc32(self.content) if self.says_crc is None else self.says_crc

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        sizes = (self.crc(), len(self.payload()), self.size())
        shown = (0, 0, 0) if self.has_descriptor else sizes
        method = self.method if self.local_method is None else self.local_method
        header = struct.pack(
            "<4s5H3L2H", b"PK\3\4", 20, self._flags(), method, 0, 33, *shown, len(name), 0
        )
        trailer = struct.pack("<4s3L", b"PK\7\x08", *sizes) if self.has_descriptor else b""
        return header + name + self.payload() + trailer

    def central(self, offset: int) -> bytes:
        record = struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            (3 << 8) | 20,
            20,
            self._flags(),
            self.method,
            0,
            33,
            self.crc(),
            len(self.payload()) if self.says_packed is None else self.says_packed,
            self.size(),
            len(self.name),
            0,
            0,
            0,
            0,
            self.mode << 16,
            offset + self.shift,
        )
        return record + self.name

    def _flags(self) -> int:
        return self.flags | (0x0008 if self.has_descriptor else 0)


PLUGIN = Entry(name=b"plugin.py", content=SOURCE)


def build_zip(
    *entries: Entry, count: int | None = None, before: bytes = b"", after: bytes = b""
) -> bytes:
    body, directory = before, b""
    for entry in entries:
        directory += entry.central(len(body) - len(before))
        body += entry.local()
    return body + end_of_zip(body, directory, count=count, total=len(entries)) + after


def end_of_zip(
    body: bytes, directory: bytes, *, count: int | None, total: int, disk: int = 0, shift: int = 0
) -> bytes:
    said = total if count is None else count
    place = len(body) + shift
    end = struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, said, said, len(directory), place, 0)
    return directory + end


def with_sample(*entries: Entry) -> bytes:
    return build_zip(PLUGIN, *entries)
