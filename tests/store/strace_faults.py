"""The same faults from outside: strace makes each system call on the cache fail in turn, or kills.

    python tests/store/strace_faults.py [SCENARIO...]

What faulty.py does within the process is done here by the kernel's side of it, so that nothing depends
on which Python function makes a call. Needs strace and ptrace. Each run is a process of its own: some
hundreds of them, which take minutes. Prints a table; exits with 1 if anything went wrong.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass

import faulty

# All that touches a file; getpgid marks where the scenario begins and ends.
_TRACED = (
    "openat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,read,pread64,write,pwrite64,"
    "fsync,fdatasync,fcntl,newfstatat,fstat,statx,lstat,stat,utimensat,getdents64,ftruncate,close"
)
_ERRORS = ("EIO", "ENOSPC", "EACCES", "EINTR")
_KILL = "KILL"
_LINE = re.compile(r"\d+ +(\w+)\((.*)")
_DEFAULT = (
    *("get", "get_long_unused", "get_alias", "put_first", "put_again", "put_synced", "put_alias"),
    *("compile_first", "compile_found", "record"),
)


@dataclass(frozen=True)
class SystemCall:
    """A call of the scenario: the `number`-th of its name in the whole process."""

    name: str
    number: int


def _run(name: str, directory: str, *injection: str) -> tuple[int, str, str]:
    """Exit code (negative: the signal), what was said, and the trace."""
    # Stops at the traced calls only, which is much quicker; but then no signal is injected.
    filtering = () if any("signal=" in each for each in injection) else ("--seccomp-bpf",)
    with tempfile.NamedTemporaryFile("r", prefix="strace-") as trace:
        done = subprocess.run(
            [
                *("strace", "-f", *filtering, "-qq", "-y", "-o", trace.name),
                *("-e", f"trace={_TRACED},getpgid", *injection),
                *(sys.executable, "-W", "error", faulty.__file__, "run", name, directory),
            ],
            capture_output=True,
            text=True,
            check=False,
            # The same system calls each time.
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        return done.returncode, done.stdout + done.stderr, trace.read()


def _calls_of(name: str) -> list[SystemCall]:
    with faulty.prepared(faulty.SCENARIOS[name]) as directory:
        code, said, trace = _run(name, directory)
    if code or said:
        raise SystemExit(f"strace cannot run {name}: exit code {code}: {said}")
    numbers: Counter[str] = Counter()
    found = []
    is_inside = False
    for line in trace.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        call, arguments = match.groups()
        numbers[call] += 1
        if call == "getpgid":
            is_inside = not is_inside
        elif is_inside and directory in arguments:
            found.append(SystemCall(call, numbers[call]))
    return found


def _injected(name: str, call: SystemCall, fault: str) -> list[str]:
    """What was wrong with or after a run in which `call` had this fault."""
    what = f"signal={fault}" if fault == _KILL else f"error={fault}"
    with faulty.prepared(faulty.SCENARIOS[name]) as directory:
        injection = f"inject={call.name}:{what}:when={call.number}"
        code, said, trace = _run(name, directory, "-e", injection)
        found = faulty.problems_after(directory, verdicts=faulty.SCENARIOS[name].verdicts)
    if fault == _KILL:
        if code not in (-signal.SIGKILL, 128 + signal.SIGKILL):
            found.append(f"it was not killed, but ended with {code}")
    elif code or said:
        found.append(f"exit code {code}: {said}")
    if fault != _KILL and "(INJECTED)" not in trace:
        found.append("the call was not reached")
    return [f"{name}: {fault} at {call.name} {call.number}: {each}" for each in found]


def main(names: list[str]) -> int:
    """Inject everything into these scenarios."""
    problems = []
    print("| use | system calls | runs | wrong |\n| --- | --- | --- | --- |")
    for name in names or _DEFAULT:
        calls = _calls_of(name)
        found = [_injected(name, call, fault) for call in calls for fault in (*_ERRORS, _KILL)]
        wrong = sum(map(bool, found))
        print(f"| {name} | {len(calls)} | {len(found)} | {wrong} |", flush=True)
        problems += [problem for each in found for problem in each]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
