"""`completion`: a script that completes the command in a shell, derived from the parsers.

The script is a table and a walk: over the words so far, past options and their values, down to the
command that is being written; then its commands, options, values or files are offered. It starts
nothing, so pressing the key costs no start of Python.
"""

import argparse
import shlex
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

from cachewasm.engine.isa import LEVELS
from cachewasm.engine.options import TargetName

from . import arguments, config_option, exit_codes
from .cache import choose
from .code_options import CODE_OPTIONS, CONFIG_OPTION_VALUE, choices
from .parser import Commands, add_command

PROGRAM = "cachewasm"
# What stands for any path in the tables.
FILES = "@files"
_PATHS = frozenset(
    ("FILE", "DIR", "OUT", "PATH", "JSON", "ENTRY", "BUNDLE", "LOCK", "HOST[::GUEST]")
)
_WORDS = {
    "T": (
        TargetName.NATIVE,
        TargetName.GENERIC,
        *(level for levels in LEVELS.values() for level in levels),
    ),
    choose.ENGINE: (choose.CURRENT, choose.OTHER),
    CONFIG_OPTION_VALUE: config_option.words(),
    **{option.metavar: choices(option) for option in CODE_OPTIONS if option.metavar},
}


@dataclass(frozen=True, slots=True)
class Option:
    """`value` is None for a switch, else what can follow: words, FILES or nothing known."""

    names: tuple[str, ...]
    help: str
    value: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its words; `operands` is what can follow that is no option."""

    words: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    operands: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def path(self) -> str:
        """The words as they are typed."""
        return " ".join(self.words)


def add_completion(commands: Commands, root: argparse.ArgumentParser) -> None:
    """Add the command."""
    summary = "print a script that completes commands in a shell"
    parser = add_command(commands, "completion", completion, summary, _EPILOG)
    parser.add_argument("shell", choices=tuple(_SCRIPTS), help="the shell")
    parser.set_defaults(root=root)


def completion(options: Namespace) -> int:
    """Print the script for `options.shell`."""
    print(_SCRIPTS[options.shell](list(commands_of(options.root))), end="")
    return exit_codes.OK


def commands_of(root: argparse.ArgumentParser) -> Iterator[Command]:
    """Every command, each group before those in it."""
    pending: list[tuple[tuple[str, ...], str, argparse.ArgumentParser]] = [((PROGRAM,), "", root)]
    while pending:
        words, help, parser = pending.pop()
        if words[1:] == ("run",):
            # Scanned by hand; whatever follows FILE belongs to the program.
            options = [Option((name,), text, _value(var)) for name, var, text in arguments.OPTIONS]
            yield Command(words, help, tuple(options), (FILES,), ())
            continue
        groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        others = [each for each in parser._actions if each not in groups]
        children = [
            ((*words, choice.dest), choice.help or "", group.choices[choice.dest])
            for group in groups
            for choice in group._choices_actions
        ]
        yield Command(
            words,
            help,
            tuple(_option(each) for each in others if each.option_strings),
            tuple(word for each in others if not each.option_strings for word in _operands(each)),
            tuple(child[-1] for child, _, _ in children),
        )
        pending += reversed(children)


def _option(action: argparse.Action) -> Option:
    # A value that may be left out is not waited for: the next word may be an option.
    value = None if action.nargs in (0, "?") else _operands(action)
    return Option(tuple(action.option_strings), action.help or "", value)


def _operands(action: argparse.Action) -> tuple[str, ...]:
    if action.choices is not None:
        return tuple(map(str, action.choices))
    return _value(str(action.metavar or "")) or ()


def _value(metavar: str) -> tuple[str, ...] | None:
    """What can stand for a metavariable; None if there is none, for a switch."""
    if not metavar:
        return None
    if not _PATHS.isdisjoint(metavar.split("|")):
        return (FILES,)
    return _WORDS.get(metavar, ())


def _tables(commands: list[Command]) -> str:
    """Two functions, for bash and zsh: what a command offers, and what can follow an option of it.

    Lines of the first are a word, a colon and its help; the second fails for what takes no value.
    """
    offers, values = [], []
    by_path = {command.path: command for command in commands}
    for command in commands:
        lines = [
            f"{word}:{by_path[f'{command.path} {word}'].help}" for word in command.commands
        ] + list(command.operands)
        lines += [f"{name}:{option.help}" for option in command.options for name in option.names]
        quoted = " ".join(shlex.quote(line) for line in lines)
        offers.append(f"        {shlex.quote(command.path)}) printf '%s\\n' {quoted} ;;")
        for option in command.options:
            if option.value is not None:
                keys = "|".join(shlex.quote(f"{command.path} {name}") for name in option.names)
                words = " ".join(map(shlex.quote, option.value))
                shown = f"printf '%s\\n' {words}" if words else ":"
                values.append(f"        {keys}) {shown} ;;")
    paths = "|".join(shlex.quote(command.path) for command in commands)
    return (
        "__cachewasm_offers() {\n    case $1 in\n" + "\n".join(offers) + "\n    esac\n}\n"
        "__cachewasm_value() {\n    case $1 in\n" + "\n".join(values) + "\n"
        "        *) return 1 ;;\n    esac\n}\n"
        f"__cachewasm_is_command() {{\n    case $1 in\n        {paths}) ;;\n"
        "        *) return 1 ;;\n    esac\n}\n"
    )


# Walks over the words `$@` before the one to complete. Sets `at` to the command, `after` to the option
# whose value comes next, and `rest` once options have ended.
_WALK = """__cachewasm_walk() {
    at=cachewasm after= rest=
    local word value=
    for word in "$@"; do
        if [[ $word == "=" ]]; then
            # bash makes a word of it: what follows it belongs to what comes before it.
            [[ -n $after ]] || value=1
        elif [[ -n $value ]]; then
            value=
        elif [[ -n $after ]]; then
            after=
        elif [[ $at == "cachewasm run" && -n $rest ]]; then
            continue
        elif [[ $word == -* && $word != *=* ]]; then
            if __cachewasm_value "$at $word" >/dev/null; then after=$word; fi
        elif [[ $word != -* ]]; then
            if __cachewasm_is_command "$at $word"; then at="$at $word"; else rest=1; fi
        fi
    done
}
"""


def _bash(commands: list[Command]) -> str:
    return (
        "# Completion of cachewasm in bash: source it, or put it where bash-completion looks.\n"
        + _tables(commands)
        + _WALK
        + """_cachewasm() {
    local at after rest cur line word files=
    local -a offers=()
    cur=${COMP_WORDS[COMP_CWORD]}
    __cachewasm_walk "${COMP_WORDS[@]:1:COMP_CWORD-1}"
    [[ $cur == "=" ]] && cur=
    if [[ -n $after ]]; then
        mapfile -t offers < <(__cachewasm_value "$at $after")
    elif [[ $at == "cachewasm run" && -n $rest ]]; then
        offers=(@files)
    else
        mapfile -t offers < <(__cachewasm_offers "$at")
    fi
    COMPREPLY=()
    for line in "${offers[@]}"; do
        word=${line%%:*}
        if [[ $word == @files ]]; then
            files=1
        elif [[ $word == "$cur"* && ( $word != -* || $cur == -* ) ]]; then
            COMPREPLY+=("$word")
        fi
    done
    if [[ -n $files && ( $cur != -* || -n $after ) ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    fi
}
complete -F _cachewasm cachewasm
"""
    )


def _zsh(commands: list[Command]) -> str:
    return (
        "#compdef cachewasm\n"
        "# Completion of cachewasm in zsh: put it as _cachewasm into a folder of $fpath, or source it.\n"
        + _tables(commands)
        + _WALK
        + """_cachewasm() {
    local at after rest line files=
    local -a offers described
    __cachewasm_walk "${(@)words[2,CURRENT-1]}"
    if [[ -n $after ]]; then
        offers=("${(@f)$(__cachewasm_value "$at $after")}")
    elif [[ $PREFIX == --*=* ]]; then
        offers=("${(@f)$(__cachewasm_value "$at ${PREFIX%%=*}")}")
        compset -P '*='
    elif [[ $at == "cachewasm run" && -n $rest ]]; then
        offers=(@files)
    else
        offers=("${(@f)$(__cachewasm_offers "$at")}")
    fi
    for line in $offers; do
        if [[ $line == @files ]]; then
            files=1
        elif [[ -n $line && ( $line != -* || $PREFIX == -* ) ]]; then
            described+=("$line")
        fi
    done
    (( $#described )) && _describe cachewasm described
    [[ -n $files && $PREFIX != -* ]] && _files
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _cachewasm "$@"; else compdef _cachewasm cachewasm; fi
"""
    )


def _fish(commands: list[Command]) -> str:
    options = " ".join(
        _fish_quoted(f"{command.path} {name}")
        for command in commands
        for option in command.options
        if option.value is not None
        for name in option.names
    )
    paths = " ".join(_fish_quoted(command.path) for command in commands)
    lines = [
        "# Completion of cachewasm in fish: put it into ~/.config/fish/completions/cachewasm.fish.",
        f"set -g __cachewasm_commands {paths}",
        f"set -g __cachewasm_valued {options}",
        _FISH_WALK,
        "complete -c cachewasm -f",
        "complete -c cachewasm -n '__cachewasm_at \"cachewasm run FILE\"' -F",
    ]
    by_path = {command.path: command for command in commands}
    for command in commands:
        where = f"complete -c cachewasm -n {_fish_quoted(f'__cachewasm_at {shlex.quote(command.path)}')}"
        for word in command.commands:
            help = by_path[f"{command.path} {word}"].help
            lines.append(f"{where} -a {_fish_quoted(word)} -d {_fish_quoted(help)}")
        for operand in command.operands:
            lines.append(
                f"{where} -F" if operand == FILES else f"{where} -a {_fish_quoted(operand)}"
            )
        for option in command.options:
            lines.append(f"{where} {_fish_option(option)}")
    return "\n".join(lines) + "\n"


_FISH_WALK = """function __cachewasm_at
    set -l at cachewasm
    set -l after
    for word in (commandline -opc)[2..]
        if test -n "$after"
            set after
        else if contains -- "$at $word" $__cachewasm_valued
            set after $word
        else if not string match -q -- '-*' $word; and contains -- "$at $word" $__cachewasm_commands
            set at "$at $word"
        else if test "$at" = "cachewasm run"; and not string match -q -- '-*' $word
            set at "cachewasm run FILE"
        end
    end
    test "$at" = "$argv[1]"
end"""


def _fish_option(option: Option) -> str:
    parts = []
    for name in option.names:
        parts.append(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}")
    if option.value is not None:
        # Without -r the word after it would be an operand.
        words = [word for word in option.value if word != FILES]
        parts.append("-r -F" if FILES in option.value else "-x")
        if words:
            parts.append(f"-a {_fish_quoted(' '.join(words))}")
    return " ".join((*parts, f"-d {_fish_quoted(option.help)}"))


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
_EPILOG = """for this shell only:  source <(cachewasm completion bash)
for every one:        cachewasm completion bash > ~/.local/share/bash-completion/completions/cachewasm
                      cachewasm completion zsh > DIR/_cachewasm, with DIR in $fpath
                      cachewasm completion fish > ~/.config/fish/completions/cachewasm.fish
"""
