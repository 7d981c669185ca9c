"""The completion scripts, run by the shells themselves: what each of them offers."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[bytes]
Cachewasm = Callable[..., Completed]

BASH = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_cachewasm
printf '%s\\n' "${COMPREPLY[@]}"
"""
# The completion system of zsh runs in a terminal only; these stand for what is called of it. The last test
# has a terminal.
ZSH = """
compdef() { : }
compset() { PREFIX=${PREFIX#*=} }
_describe() { for line in "${(@P)${@[-1]}}"; do word=${line%%:*}
    [[ $word == "$PREFIX"* ]] && print -r -- $word; done }
_files() { print -rl -- "$PREFIX"*(N) }
source "$1"
shift
words=("$@") CURRENT=$# PREFIX="${@[-1]}"
_cachewasm
"""
FISH = 'source $argv[1]; complete -C "$argv[2..]" | string split -f 1 \\t'


def _command(shell: str, script: Path, words: tuple[str, ...]) -> list[str]:
    if shell == "bash":
        return ["bash", "--norc", "-c", BASH, "bash", str(script), *words]
    if shell == "zsh":
        return ["zsh", "-f", "-c", ZSH, "zsh", str(script), *words]
    return ["fish", "--no-config", "-c", FISH, str(script), *words]


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(
    request: pytest.FixtureRequest, cachewasm: Cachewasm, tmp_path: Path
) -> Callable[..., set[str]]:
    """What the shell offers for the last word of a line, in a folder with two files."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / f"script.{shell}"
    script.write_bytes(cachewasm("completion", shell).stdout)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a b.wasm", "a.wat"):
        (folder / name).touch()

    def run(*words: str) -> set[str]:
        done = subprocess.run(
            _command(shell, script, words),
            capture_output=True,
            check=False,
            cwd=folder,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )
        assert done.stderr == b""
        return {line for line in done.stdout.decode().split("\n") if line}

    return run


Complete = Callable[..., set[str]]


def test_completion_offers_commands(complete: Complete) -> None:
    assert {"run", "compile", "cache", "completion"} <= complete("cachewasm", "")
    assert complete("cachewasm", "val") == {"validate"}
    assert {"dir", "why", "verify"} <= complete("cachewasm", "cache", "")
    assert complete("cachewasm", "cache", "doc") == {"doctor"}
    assert complete("cachewasm", "completion", "") == {"bash", "zsh", "fish"}


def test_completion_offers_options_of_the_command(complete: Complete) -> None:
    assert complete("cachewasm", "cache", "why", "--ag") == {"--against"}
    assert {"--json", "--sort", "--cache-dir"} <= complete("cachewasm", "cache", "list", "--")
    assert "--sort" not in complete("cachewasm", "cache", "stats", "--")
    assert complete("cachewasm", "run", "--inv") == {"--invoke"}
    # Its value may be left out.
    assert complete("cachewasm", "cache", "why", "--last", "--js") == {"--json"}


def test_completion_offers_values_of_an_option(complete: Complete) -> None:
    line = ("cachewasm", "compile", "--json", "--strategy")
    assert complete(*line, "") == {"auto", "baseline", "optimized"}
    assert "x86-64-v3" in complete("cachewasm", "cache", "why", "--target", "x86")
    assert complete("cachewasm", "run", "--env", "") == set()
    assert complete("cachewasm", "cache", "warm", "-C", "consume") == {"consume_fuel"}


def test_completion_offers_files(complete: Complete) -> None:
    assert complete("cachewasm", "compile", "a") == {"a b.wasm", "a.wat"}
    assert complete("cachewasm", "compile", "--target", "native", "a.") == {"a.wat"}
    assert "a.wat" in complete("cachewasm", "cache", "dir", "--config", "a")
    assert complete("cachewasm", "cache", "dir", "a") == set()


def test_completion_of_a_program_leaves_its_options_alone(complete: Complete) -> None:
    assert "--strategy" not in complete("cachewasm", "run", "a.wat", "--")


def test_completion_bash_understands_an_equals_sign_as_a_word(
    cachewasm: Cachewasm, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_bytes(cachewasm("completion", "bash").stdout)
    for words in (("--strategy", "="), ("-C", "a", "=", "b", "--strategy", "=", "opt")):
        line = ("cachewasm", "run", *words)
        done = subprocess.run(_command("bash", script, line), capture_output=True, check=True)
        assert b"optimized\n" in done.stdout


def test_completion_of_an_unknown_shell_is_wrong_usage(cachewasm: Cachewasm) -> None:
    done = cachewasm("completion", "tcsh")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


# Types "cachewasm WORD" and a tab in a shell of its own, and waits until the line is what it should become.
TYPE = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=(${(q)1} \\$fpath); autoload -Uz compinit; compinit -u -D; print rea''dy"
zpty -r shell shown '*ready*'
zpty -w -n shell "cachewasm $2"$'\\t'
zpty -r shell shown "*cachewasm $3*" && print -r -- "$3"
"""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("cache lis", "cache list"),
        ("cache list --sor", "cache list --sort"),
        ("cache list --sort comp", "cache list --sort compile"),
    ],
)
def test_completion_in_a_terminal_of_zsh_completes_the_word(
    cachewasm: Cachewasm, tmp_path: Path, typed: str, completed: str
) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    (tmp_path / "_cachewasm").write_bytes(cachewasm("completion", "zsh").stdout)
    done = subprocess.run(
        ["zsh", "-f", "-c", TYPE, "zsh", str(tmp_path), typed, completed],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == [completed], done.stdout + done.stderr
