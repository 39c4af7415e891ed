"""The numbers of the kernel's calls on x86_64 and aarch64, by what they could be abused for.

From the kernel's own `unistd.h`: the first number is x86_64's, the second that of the generic table
that aarch64 uses; None where a processor does not have the call.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# All later calls, and those of the x32 ABI, which start at 2 ** 30, are answered with ENOSYS: what
# this file does not know of cannot be abused, and C libraries fall back to what they used before.
FIRST_UNKNOWN: Final = 451

_Numbers = Mapping[str, tuple[int | None, int | None]]

PROGRAMS: Final[_Numbers] = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
}
OTHER_PROCESSES: Final[_Numbers] = {
    "get_robust_list": (274, 100),
    "kcmp": (312, 272),
    "kill": (62, 129),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
}
SCHEDULING: Final[_Numbers] = {
    "ioprio_set": (251, 30),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setpriority": (141, 140),
}
NAMESPACES_AND_MOUNTS: Final[_Numbers] = {
    "chroot": (161, 51),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "pivot_root": (155, 41),
    "setns": (308, 268),
    "umount2": (166, 39),
    "unshare": (272, 97),
}
KERNEL: Final[_Numbers] = {
    "_sysctl": (156, None),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "get_kernel_syms": (177, None),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, None),
    "nfsservctl": (180, 42),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "query_module": (178, None),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "remap_file_pages": (216, 234),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "settimeofday": (164, 170),
    "splice": (275, 76),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "sysfs": (139, None),
    "tee": (276, 77),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}
# Landlock has no right for these: it guards what is opened, not names, owners, modes and times.
FILES: Final[_Numbers] = {
    "chmod": (90, None),
    "chown": (92, None),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fremovexattr": (199, 16),
    "fsetxattr": (190, 7),
    "futimesat": (261, None),
    "inotify_add_watch": (254, 27),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "removexattr": (197, 14),
    "setxattr": (188, 5),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "truncate": (76, 45),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
}
# What two processes could talk through, and memory that no limit of this process counts.
SHARED_MEMORY: Final[_Numbers] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mq_notify": (244, 184),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
}
LISTENING: Final[_Numbers] = {
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
}
OWN_CONFINEMENT: Final[_Numbers] = {"capset": (126, 91), "seccomp": (317, 277)}
# Allowed with some arguments, or answered in a way of their own; `seccomp.py` says how.
DEPENDS: Final[_Numbers] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "connect": (42, 203),
    "creat": (85, None),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "mmap": (9, 222),
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "sendmmsg": (307, 269),
    "sendmsg": (46, 211),
    "sendto": (44, 206),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
}
REFUSED: Final = (
    *(PROGRAMS, OTHER_PROCESSES, SCHEDULING, NAMESPACES_AND_MOUNTS, KERNEL, FILES),
    *(SHARED_MEMORY, LISTENING, OWN_CONFINEMENT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """How one processor's calls are told from another's, and their numbers by name."""

    audit: int
    numbers: Mapping[str, int]


def _build(audit: int, *, column: int) -> Processor:
    named = {name: both[column] for group in (*REFUSED, DEPENDS) for name, both in group.items()}
    known = {name: number for name, number in named.items() if number is not None}
    return Processor(audit=audit, numbers=known)


PROCESSORS: Final = {
    "x86_64": _build(0xC000_003E, column=0),
    "aarch64": _build(0xC000_00B7, column=1),
}


def find_processor(machine: str | None = None) -> Processor | None:
    """Return what is known of a processor, by default this machine's; None for any other kind."""
    return PROCESSORS.get(platform.machine() if machine is None else machine)
