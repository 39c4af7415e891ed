"""Reads a zip from memory and believes nothing it says about itself."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

from cadence_sdk.checking.limits import PackageLimits
from cadence_sdk.checking.names import shown
from cadence_sdk.checking.problems import Code, PackageRejected, Problem

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_LOCAL_MARK: Final = b"PK\x03\x04"
_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
# A directory record is 46 bytes plus name, extra fields and comment; more than this is stuffing.
_LARGEST_RECORD: Final = 1024
# Encrypted, patched, strongly encrypted, masked headers.
_REFUSED_FLAGS: Final = 0x0001 | 0x0020 | 0x0040 | 0x2000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# All that `zipfile` is known to raise for bytes that are not a sound zip.
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    EOFError,
    IndexError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


def list_entries(content: bytes, limits: PackageLimits) -> list[zipfile.ZipInfo]:
    """Return the entries in the order of the zip's directory.

    Raises `PackageRejected` when the bytes are no whole, plain zip: cut short, never closed, split
    over volumes, with something before or after it, or with more entries than it may have.
    """
    count, size = _measure_directory(content)
    # Bounded before `zipfile` builds an object for each record; twice, because folders count too.
    if size > 2 * limits.files * _LARGEST_RECORD:
        raise PackageRejected([_too_many(limits)])
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
    except _UNREADABLE:
        raise _unreadable("The zip's directory cannot be read.") from None
    if len(entries) != count:
        raise _unreadable("The zip holds more or fewer files than it says.")
    if sum(not entry.orig_filename.endswith("/") for entry in entries) > limits.files:
        raise PackageRejected([_too_many(limits)])
    return entries


def entry_problem(entry: zipfile.ZipInfo, limits: PackageLimits) -> Problem | None:
    """Return what an entry's own record says that no package may have."""
    name = shown(entry.orig_filename)
    if entry.flag_bits & _REFUSED_FLAGS:
        return Problem(Code.ENTRY_ENCRYPTED, "The file is encrypted.", name)
    if not _is_regular(entry):
        return Problem(
            Code.NOT_A_REGULAR_FILE, "Only plain files and folders are taken, no links.", name
        )
    if entry.compress_type not in _METHODS:
        return Problem(Code.COMPRESSION_METHOD, "Only stored and deflated files are taken.", name)
    return size_problem(name, entry.file_size, limits) or _ratio_problem(entry, limits)


def size_problem(name: str, size: int, limits: PackageLimits) -> Problem | None:
    """Return the problem of a file that is too large by itself; sizes are in bytes."""
    if size <= limits.file:
        return None
    return Problem(
        Code.FILE_TOO_LARGE, f"The file has {size} bytes; at most {limits.file} are taken.", name
    )


def overlap_problems(content: bytes, entries: Sequence[zipfile.ZipInfo]) -> Iterator[Problem]:
    """Yield the entries whose bytes belong to another entry too."""
    end = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset < end:
            yield Problem(
                Code.ENTRY_OVERLAPS,
                "The file shares its bytes with another one.",
                shown(entry.orig_filename),
            )
        end = max(end, _payload_start(content, entry) + entry.compress_size)


def read_entry(content: bytes, entry: zipfile.ZipInfo) -> bytes | Problem:
    """Return an entry's bytes, or the problem when they are not what its record says.

    Never unpacks more than one byte beyond the declared size.
    """
    start = _payload_start(content, entry)
    packed = content[start : start + entry.compress_size]
    if not _has_matching_header(content, entry) or len(packed) != entry.compress_size:
        return _damaged(entry, "is not where the zip's directory says")
    unpacked: bytes | None = packed
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        unpacked = _inflate(packed, entry.file_size)
    if unpacked is None or len(unpacked) != entry.file_size:
        return _damaged(entry, "does not have the size that the zip says")
    if zlib.crc32(unpacked) != entry.CRC:
        return _damaged(entry, "does not match its checksum")
    return unpacked


def _measure_directory(content: bytes) -> tuple[int, int]:
    start = content.rfind(_END_MARK)
    if start < 0 or len(content) - start < _END.size:
        if content.startswith(_LOCAL_MARK):
            raise PackageRejected(
                [Problem(Code.PACKAGE_TRUNCATED, "The zip was cut short or never closed.")]
            )
        raise _unreadable("This is not a zip file.")
    _, disk, first_disk, here, total, size, offset, comment = _END.unpack_from(content, start)
    if start + _END.size + comment != len(content):
        raise _unreadable("The zip does not end where its last record says.")
    if disk or first_disk or here != total:
        raise _unreadable("A zip in several parts is not taken.")
    if offset + size != start or not content.startswith((_LOCAL_MARK, _END_MARK)):
        raise _unreadable("Something lies before the zip, or its last record is wrong.")
    return int(total), int(size)


def _is_regular(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.orig_filename.endswith("/"):
        return kind in {0, stat.S_IFDIR} and entry.file_size == 0
    return kind in {0, stat.S_IFREG}


def _ratio_problem(entry: zipfile.ZipInfo, limits: PackageLimits) -> Problem | None:
    if entry.file_size <= max(limits.ratio_from, entry.compress_size * limits.ratio):
        return None
    return Problem(
        Code.COMPRESSION_RATIO,
        f"The file unpacks to more than {limits.ratio} times its packed size.",
        shown(entry.orig_filename),
    )


def _payload_start(content: bytes, entry: zipfile.ZipInfo) -> int:
    header = content[entry.header_offset : entry.header_offset + _LOCAL.size]
    if len(header) < _LOCAL.size:
        return len(content)
    *_, name_length, extra_length = _LOCAL.unpack(header)
    return entry.header_offset + _LOCAL.size + int(name_length) + int(extra_length)


def _has_matching_header(content: bytes, entry: zipfile.ZipInfo) -> bool:
    header = content[entry.header_offset : entry.header_offset + _LOCAL.size]
    if len(header) < _LOCAL.size:
        return False
    mark, _, _, method, _, _, _, _, _, name_length, _ = _LOCAL.unpack(header)
    start = entry.header_offset + _LOCAL.size
    name = content[start : start + name_length]
    # Allowed names are ASCII, so the encoding flag does not matter here.
    return (
        mark == _LOCAL_MARK
        and method == entry.compress_type
        and name == entry.orig_filename.encode("ascii", "replace")
    )


def _inflate(packed: bytes, size: int) -> bytes | None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = inflater.decompress(packed, size + 1)
    except zlib.error:
        return None
    return unpacked if inflater.eof and not inflater.unused_data else None


def _damaged(entry: zipfile.ZipInfo, what: str) -> Problem:
    return Problem(Code.ENTRY_DAMAGED, f"The file {what}.", shown(entry.orig_filename))


def _unreadable(message: str) -> PackageRejected:
    return PackageRejected([Problem(Code.PACKAGE_UNREADABLE, message)])


def _too_many(limits: PackageLimits) -> Problem:
    return Problem(
        Code.TOO_MANY_FILES, f"The package holds too many files; at most {limits.files} are taken."
    )
