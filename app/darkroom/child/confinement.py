"""What a process gives up before it reads a stranger's bytes: memory, time, files, network, other programs.

Once only, and for good: nothing here can be taken back by the process itself.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

# System calls that computing needs, by machine (the kernel's unistd.h). All others fail: no file can be opened, no
# socket made, no program or process started, no other process signalled.
SYSTEM_CALLS = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "readv": 19, "writev": 20, "sched_yield": 24,
        "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "uname": 63, "gettimeofday": 96, "getrusage": 98,
        "sysinfo": 99, "sigaltstack": 131, "gettid": 186, "futex": 202, "sched_getaffinity": 204,
        "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231, "newfstatat": 262, "set_robust_list": 273,
        "getrandom": 318, "rseq": 334,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222, "mprotect": 226, "munmap": 215,
        "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "readv": 65, "writev": 66,
        "sched_yield": 124, "mremap": 216, "madvise": 233, "getpid": 172, "exit": 93, "uname": 160,
        "gettimeofday": 169, "getrusage": 165, "sysinfo": 179, "sigaltstack": 132, "gettid": 178, "futex": 98,
        "sched_getaffinity": 123, "restart_syscall": 128, "clock_gettime": 113, "exit_group": 94, "newfstatat": 79,
        "set_robust_list": 99, "getrandom": 278, "rseq": 293,
    },
}  # fmt: skip
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3, CLONE_THREAD = 435, 0x00010000
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
# Berkeley Packet Filter: load a word, compare it or its bits with a constant, return.
LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
AT_NUMBER, AT_ARCH, AT_FIRST_ARGUMENT = 0, 4, 16
ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM is 1, ENOSYS 38
STANDARD_STREAMS = 3


def confine(memory_bytes: int, cpu_s: int, *, threads: bool = False) -> None:
    """Give up all but so much address space, processor time, the three standard streams, and perhaps `threads`."""
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, STANDARD_STREAMS),
        *([] if threads else [(resource.RLIMIT_NPROC, 0)]),  # The system counts threads as processes.
    ):
        try:
            resource.setrlimit(limit, (value, value))
        except (ValueError, OSError):
            # macOS knows no limit of the address space; and a limit that is lower already stays.
            continue
    if sys.platform == "linux" and os.uname().machine in SYSTEM_CALLS:
        allow_only(os.uname().machine, threads)


def allow_only(machine: str, threads: bool) -> None:
    """Let the kernel refuse all system calls but the listed ones (seccomp), with EPERM."""
    program = system_call_filter(machine, threads)
    buffer = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None)
    # Without it only root may install a filter. A kernel without seccomp refuses the second call; the limits stay.
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(described), 0, 0)


def system_call_filter(machine: str, threads: bool) -> bytes:
    """The filter as the kernel wants it: struct sock_filter, 8 bytes an instruction."""
    numbers = sorted(SYSTEM_CALLS[machine].values())
    new_thread = [
        # The newer call keeps its flags where no filter sees them. Said to be unknown, the older one takes its place.
        (JUMP_IF_EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, UNKNOWN),
        (JUMP_IF_EQUAL, 0, 4, CLONE[machine]),
        (LOAD, 0, 0, AT_FIRST_ARGUMENT),
        (JUMP_IF_SET, 0, 1, CLONE_THREAD),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    steps = [
        (LOAD, 0, 0, AT_ARCH),
        (JUMP_IF_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL),  # A call by another table of numbers, such as 32-bit x86's.
        (LOAD, 0, 0, AT_NUMBER),
        *(new_thread if threads else []),
        *((JUMP_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
