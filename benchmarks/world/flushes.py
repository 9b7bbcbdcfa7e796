"""A dearer disk: durable writes take a given time at least, for a program and everything that it starts.

What a shared commit is worth hangs on that time. Disks without a write-back cache take 0.1 to 10 ms; a virtual disk
with one may take 0.03. The real flush is made, and waited for, whatever the time given.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static int slowly(int (*flush)(int), int fd) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    long at = until.tv_nsec + atol(getenv("FENQI_FLUSH_NANOSECONDS"));
    until.tv_sec += at / 1000000000;
    until.tv_nsec = at % 1000000000;
    int done = flush(fd), why = errno;
    prctl(PR_SET_TIMERSLACK, 1);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR);
    errno = why;
    return done;
}

int fsync(int fd) { return slowly((int (*)(int))dlsym(RTLD_NEXT, "fsync"), fd); }
int fdatasync(int fd) { return slowly((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"), fd); }
"""


NANOSECONDS = "FENQI_FLUSH_NANOSECONDS"  # read by the shim; set in whatever runs on the dearer disk


class CompilerMissing(Exception):
    """The shim needs a C compiler; the message says what it said."""


def run(command: Sequence[str], milliseconds: float) -> int:
    """Run a command whose durable writes take so long, and return its exit code. Raises CompilerMissing."""
    with tempfile.TemporaryDirectory(prefix="fenqi-flush-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        (folder / "flush.c").write_text(SOURCE)
        shim = folder / "flush.so"
        compiler = os.environ.get("CC", "cc")
        try:
            made = subprocess.run(
                [compiler, "-shared", "-fPIC", "-O2", "-o", shim, folder / "flush.c", "-ldl"],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as missing:
            raise CompilerMissing(f"{compiler} does not run: {missing}") from missing
        if made.returncode:
            raise CompilerMissing(f"{compiler} refused: {made.stderr}")
        slow = {"LD_PRELOAD": str(shim), NANOSECONDS: str(int(milliseconds * 1_000_000))}
        return subprocess.run(command, env={**os.environ, **slow}, check=False).returncode
