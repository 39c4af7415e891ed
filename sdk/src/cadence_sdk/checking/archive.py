"""Reads a zip from memory and believes nothing it says about itself."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
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
_REFUSED_FLAGS: Final[Mapping[int, str]] = {
    0x0040: "The file is encrypted by a method of its own.",
    0x0001: "The file is encrypted.",
    0x2000: "The file's header is masked, as in encrypted zips.",
    0x0020: "The file is a patch to another one.",
}
_IRREGULAR: Final[Mapping[int, str]] = {
    stat.S_IFLNK: "A symbolic link is not taken, only plain files and folders.",
    stat.S_IFIFO: "A pipe is not taken, only plain files and folders.",
    stat.S_IFSOCK: "A socket is not taken, only plain files and folders.",
    stat.S_IFCHR: "A device is not taken, only plain files and folders.",
    stat.S_IFBLK: "A disk is not taken, only plain files and folders.",
    stat.S_IFDIR: "A folder's name must end with '/' in the zip.",
}
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
        message = "The zip's directory is longer than that of any package that is taken."
        raise PackageRejected([Problem(Code.TOO_MANY_FILES, message)])
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
    except _UNREADABLE:
        raise _unreadable("The zip's directory cannot be read.") from None
    if len(entries) != count:
        what = "more" if len(entries) > count else "fewer"
        raise _unreadable(f"The zip holds {what} files than it says.")
    if sum(not entry.orig_filename.endswith("/") for entry in entries) > limits.files:
        raise PackageRejected([_too_many(limits)])
    return entries


def entry_problem(entry: zipfile.ZipInfo, limits: PackageLimits) -> Problem | None:
    """Return what an entry's own record says that no package may have."""
    name = shown(entry.orig_filename)
    flagged = next((told for flag, told in _REFUSED_FLAGS.items() if entry.flag_bits & flag), None)
    if flagged is not None:
        return Problem(Code.ENTRY_ENCRYPTED, flagged, name)
    irregular = _irregularity(entry)
    if irregular is not None:
        return Problem(Code.NOT_A_REGULAR_FILE, irregular, name)
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
    complaint = _header_complaint(content, entry)
    if complaint is None and len(packed) != entry.compress_size:
        complaint = "ends behind the end of the zip"
    if complaint is not None:
        return _damaged(entry, complaint)
    unpacked: bytes | str = packed
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        unpacked = _inflate(packed, entry.file_size)
    if isinstance(unpacked, str):
        return _damaged(entry, unpacked)
    if len(unpacked) != entry.file_size:
        is_more = len(unpacked) > entry.file_size
        return _damaged(entry, f"unpacks to {'more' if is_more else 'less'} than the zip says")
    if zlib.crc32(unpacked) != entry.CRC:
        return _damaged(entry, "does not match its checksum")
    return unpacked


def _measure_directory(content: bytes) -> tuple[int, int]:
    start = content.rfind(_END_MARK)
    if start < 0:
        raise _without_end(content)
    if len(content) - start < _END.size:
        raise _truncated("The zip was cut short within its last record.")
    _, disk, first_disk, here, total, size, offset, comment = _END.unpack_from(content, start)
    if start + _END.size + comment != len(content):
        raise _unreadable("The zip does not end where its last record says.")
    if disk or first_disk or here != total:
        raise _unreadable("A zip in several parts is not taken.")
    if not content.startswith((_LOCAL_MARK, _END_MARK)):
        raise _unreadable("Something lies before the zip.")
    if offset + size != start:
        raise _unreadable("The zip's directory is not where its last record says.")
    return int(total), int(size)


def _without_end(content: bytes) -> PackageRejected:
    if not content:
        return _unreadable("There are no bytes at all.")
    if content.startswith(_LOCAL_MARK):
        return _truncated("The zip was cut short or never closed.")
    return _unreadable("This is not a zip file.")


def irregularity(kind: int) -> str:
    """Return why no package may hold this kind of file, one of the `stat.S_IF...` constants."""
    return _IRREGULAR.get(kind, "Only plain files and folders are taken.")


def _irregularity(entry: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    is_folder = entry.orig_filename.endswith("/")
    if is_folder and kind in {0, stat.S_IFDIR}:
        return "A folder has content of its own." if entry.file_size else None
    if kind in {0, stat.S_IFREG}:
        return "A plain file's name must not end with '/'." if is_folder else None
    return irregularity(kind)


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


def _header_complaint(content: bytes, entry: zipfile.ZipInfo) -> str | None:
    header = content[entry.header_offset : entry.header_offset + _LOCAL.size]
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MARK):
        return "is not where the zip's directory says"
    _, _, _, method, _, _, _, _, _, name_length, _ = _LOCAL.unpack(header)
    start = entry.header_offset + _LOCAL.size
    # Allowed names are ASCII, so the encoding flag does not matter here.
    if content[start : start + name_length] != entry.orig_filename.encode("ascii", "replace"):
        return "has another name in front of it than in the zip's directory"
    if method != entry.compress_type:
        return "has another compression in front of it than in the zip's directory"
    return None


def _inflate(packed: bytes, size: int) -> bytes | str:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = inflater.decompress(packed, size + 1)
    except zlib.error:
        return "cannot be unpacked"
    if len(unpacked) > size or inflater.eof:
        return "has something behind its end" if inflater.unused_data else unpacked
    return "stops before its end"


def _damaged(entry: zipfile.ZipInfo, what: str) -> Problem:
    return Problem(Code.ENTRY_DAMAGED, f"The file {what}.", shown(entry.orig_filename))


def _unreadable(message: str) -> PackageRejected:
    return PackageRejected([Problem(Code.PACKAGE_UNREADABLE, message)])


def _truncated(message: str) -> PackageRejected:
    return PackageRejected([Problem(Code.PACKAGE_TRUNCATED, message)])


def _too_many(limits: PackageLimits) -> Problem:
    return Problem(
        Code.TOO_MANY_FILES, f"The package holds too many files; at most {limits.files} are taken."
    )
