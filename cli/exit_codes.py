"""The exit codes of the command, in one table.

What the help, the README and the commands themselves say of them comes from here or is held equal to
it by a test. On the warm path.
"""

OK = 0
FAILURE = 1
USAGE = 2
MISS = 3
BUSY = 11
INTERRUPTED = 130
TRAP = 134

# Bits of the exit code of `cache verify`; several may be set.
CORRUPT = 4
UNTRUSTED = 8
UNREADABLE = 16
FOREIGN_VERSION = 32
DIFFERENT = 64

MEANINGS = (
    (OK, "success; a program that ran returned, or ended itself with 0"),
    (FAILURE, "an error, in one line on standard error"),
    (USAGE, "the command line is wrong"),
    (MISS, "`cache why`: the module is not in the cache"),
    (BUSY, "another process had a lock for longer than `--wait` says"),
    (INTERRUPTED, "interrupted; a program that runs dies of the signal itself"),
    (TRAP, "the program trapped; the backtrace is on standard error"),
)
VERIFY_MEANINGS = (
    (CORRUPT, "damaged: torn, corrupt or under the wrong name"),
    (UNTRUSTED, "untrusted: somebody else could have written it"),
    (UNREADABLE, "unreadable"),
    (FOREIGN_VERSION, "in the format of another version"),
    (DIFFERENT, "other than what compiling its module gives (--recompile)"),
)


def lines(meanings: "tuple[tuple[int, str], ...]") -> str:
    """A table of exit codes as a help text shows it."""
    return "\n".join(f"  {code:<4} {meaning}" for code, meaning in meanings)
