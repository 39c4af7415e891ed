"""Attacks that start processes, and attacks on those of others; the victim is one made for it."""

import ctypes
import fcntl
import os
import resource
import signal
import subprocess

from .calling import kernel_call, reach
from .trying import Around, Attack

_PTRACE_ATTACH = 16
_SET_PRIORITY_OF_PROCESS = 0
_F_SETSIG = 10
_SIZE_OF_CLONE_ARGUMENTS = 64
_SIGNAL_OF_CHILD = 4


def execute(_: Around) -> None:
    os.posix_spawn("/bin/true", ["true"], {})


def become_a_shell(_: Around) -> None:
    # With arguments that cannot be, so that it never goes through where it is not refused.
    reach("execve", 0, 0, 0)


def fork(_: Around) -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def fork_by_subprocess(_: Around) -> None:
    subprocess.run(["/bin/true"], check=True)


def clone(_: Around) -> None:
    if (child := kernel_call("clone", signal.SIGCHLD, 0, 0, 0, 0)) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def clone3(_: Around) -> None:
    arguments = (ctypes.c_uint64 * (_SIZE_OF_CLONE_ARGUMENTS // 8))()
    arguments[_SIGNAL_OF_CHILD] = signal.SIGCHLD
    address = ctypes.addressof(arguments)
    if (child := kernel_call("clone3", address, _SIZE_OF_CLONE_ARGUMENTS)) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def trace_process(around: Around) -> None:
    kernel_call("ptrace", _PTRACE_ATTACH, around["victim"], 0, 0)


def read_memory_of_process(around: Around) -> None:
    kernel_call("process_vm_readv", around["victim"], 0, 0, 0, 0, 0)


def write_memory_of_process(around: Around) -> None:
    kernel_call("process_vm_writev", around["victim"], 0, 0, 0, 0, 0)


def kill_process(around: Around) -> None:
    os.kill(around["victim"], signal.SIGCONT)


def kill_thread(around: Around) -> None:
    kernel_call("tkill", around["victim"], signal.SIGCONT)


def kill_thread_of_group(around: Around) -> None:
    kernel_call("tgkill", around["victim"], around["victim"], signal.SIGCONT)


def kill_zygote(_: Around) -> None:
    os.kill(os.getppid(), 0)


def kill_everybody(_: Around) -> None:
    os.kill(-1, 0)


def queue_signal(around: Around) -> None:
    reach("rt_sigqueueinfo", around["victim"], signal.SIGCONT, 0)


def open_process(around: Around) -> None:
    os.close(os.pidfd_open(around["victim"]))


def kill_by_descriptor(_: Around) -> None:
    reach("pidfd_send_signal", 0, 0, 0, 0)


def take_descriptor(_: Around) -> None:
    reach("pidfd_getfd", 0, 0, 0)


def reap_memory(_: Around) -> None:
    reach("process_mrelease", 0, 0)


def compare_processes(around: Around) -> None:
    reach("kcmp", around["victim"], os.getpid(), 0, 0, 0)


def signal_by_descriptor(around: Around) -> None:
    one, other = os.pipe()
    try:
        fcntl.fcntl(one, fcntl.F_SETOWN, around["victim"])
        fcntl.fcntl(one, _F_SETSIG, signal.SIGCONT)
    finally:
        os.close(one)
        os.close(other)


def limit_process(around: Around) -> None:
    resource.prlimit(around["victim"], resource.RLIMIT_NOFILE)


def slow_process(around: Around) -> None:
    os.setpriority(os.PRIO_PROCESS, around["victim"], 19)


def pin_process(around: Around) -> None:
    os.sched_setaffinity(around["victim"], {0})


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        *(execute, become_a_shell, fork, fork_by_subprocess, clone, clone3),
        *(read_memory_of_process, write_memory_of_process, kill_process, kill_thread),
        *(kill_thread_of_group, kill_zygote, kill_everybody, queue_signal, open_process),
        *(kill_by_descriptor, take_descriptor, reap_memory, compare_processes),
        *(signal_by_descriptor, limit_process, slow_process, pin_process, trace_process),
    )
}
