"""Locks the calling process in for good: rlimits, no privileges, Landlock, seccomp; pure ctypes."""
