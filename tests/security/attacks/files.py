"""Attacks on what is stored: other tenants' code, the service's files, and its own code."""

import os
import stat
import tempfile
from pathlib import Path

from .calling import libc_call, reach
from .trying import Around, Attack, find

_IN_ALL_EVENTS = 0xFFF
_FIRST_AFTER_OUTPUT = 3


def read_secret_file(around: Around) -> None:
    find(around["canary"] in Path(around["secret"]).read_text(encoding="utf-8"))


def read_shadow(_: Around) -> None:
    Path("/etc/shadow").read_bytes()


def read_service_environment(around: Around) -> None:
    told = Path(f"/proc/{around['victim']}/environ").read_bytes()
    find(around["canary"].encode() in told)


def read_own_environment(around: Around) -> None:
    find(around["canary"] in repr(os.environ) or any("CADENCE" in name for name in os.environ))  # noqa: TID251  # the attack


def read_own_memory_map(_: Around) -> None:
    Path("/proc/self/maps").read_bytes()


def find_descriptors(_: Around) -> None:
    find(any(map(_is_a_file, range(_FIRST_AFTER_OUTPUT, 256))))


def _is_a_file(number: int) -> bool:
    # Its own are its connection, and the pipes and sockets of its event loop.
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        return False
    return not (stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode) or stat.S_IFMT(mode) == 0)


def list_root(_: Around) -> None:
    list(Path("/").iterdir())


def list_all_code(around: Around) -> None:
    list(Path(around["all_code"]).iterdir())


def read_other_code(around: Around) -> None:
    find(around["canary"] in Path(around["other_code"]).read_text(encoding="utf-8"))


def see_other_code(around: Around) -> None:
    Path(around["other_code"]).stat()


def see_secret_file(around: Around) -> None:
    Path(around["secret"]).stat()


def follow_link(around: Around) -> None:
    Path(around["link"]).readlink()


def open_kernel_log(_: Around) -> None:
    os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))


def write_own_code(around: Around) -> None:
    _create_in(around["own_code"])


def write_site_packages(around: Around) -> None:
    _create_in(around["site_packages"])


def _create_in(folder: str) -> None:
    path = Path(folder) / "attack-was-here.txt"
    path.touch(exist_ok=False)
    path.unlink()


def write_temporary_file(_: Around) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")


def write_shared_memory_file(_: Around) -> None:
    _create_in("/dev/shm")  # noqa: S108  # the attack


def write_secret_file(around: Around) -> None:
    with Path(around["secret"]).open("r+b") as file:
        file.read(1)


def truncate_file(around: Around) -> None:
    os.truncate(around["spoil"], 1)


def change_mode(around: Around) -> None:
    Path(around["spoil"]).chmod(0o666)


def change_owner(around: Around) -> None:
    os.chown(around["spoil"], os.getuid(), os.getgid())


def change_times(around: Around) -> None:
    os.utime(around["spoil"])


def change_attributes(around: Around) -> None:
    os.setxattr(around["spoil"], "user.attack", b"x")


def rename_file(around: Around) -> None:
    moved = f"{around['spoil']}-moved"
    Path(around["spoil"]).rename(moved)
    Path(moved).rename(around["spoil"])


def remove_file(around: Around) -> None:
    Path(around["spoil"]).unlink()


def make_folder(around: Around) -> None:
    (Path(around["folder"]) / "attack").mkdir()


def make_link(around: Around) -> None:
    (Path(around["folder"]) / "attack-link").symlink_to("/etc/shadow")


def make_hard_link(around: Around) -> None:
    (Path(around["folder"]) / "attack-hard-link").hardlink_to(around["secret"])


def make_device(around: Around) -> None:
    os.mkfifo(Path(around["folder"]) / "attack-fifo")


def watch_folder(around: Around) -> None:
    watcher = libc_call("inotify_init")
    libc_call("inotify_add_watch", watcher, around["folder"].encode(), _IN_ALL_EVENTS)
    os.close(watcher)


def open_by_handle(_: Around) -> None:
    reach("name_to_handle_at", 0, 0, 0, 0, 0)
    reach("open_by_handle_at", 0, 0, 0)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        *(read_secret_file, read_shadow, read_service_environment, read_own_environment),
        *(read_own_memory_map, find_descriptors, list_root, list_all_code, read_other_code),
        *(see_other_code, see_secret_file, follow_link, open_kernel_log, write_own_code),
        *(write_site_packages, write_temporary_file, write_shared_memory_file),
        *(write_secret_file, truncate_file, change_mode, change_owner, change_times),
        *(change_attributes, rename_file, make_folder, make_link, make_hard_link),
        *(make_device, watch_folder, open_by_handle, remove_file),
    )
}
