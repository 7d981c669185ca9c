"""`wast`: run official test scripts and say which of their commands fail.

Counts go to standard output; what failed and why to standard error, one line each.
"""

import json
from argparse import Namespace
from collections import Counter

from cachewasm import Config, Engine
from cachewasm.wasm.text.wast import Script, parse_script
from cachewasm.wast.runner import Outcome, Verdict, run

from . import exit_codes
from .failure import Failure, about, printable, say
from .files import read
from .place import choose_cache

# `auto` would leave open which of them was tested.
TIERS = ("baseline", "optimized")

_QUOTED_LENGTH = 120

_Counts = Counter[Verdict]


def wast(options: Namespace) -> int:
    """Run `options.files`; the exit code says whether a command of any of them failed."""
    choose_cache(options.cache_dir, options.config, off=options.no_cache)
    config = Config()
    # Scripts say what they need by needing it.
    config.wasm_exceptions = config.wasm_legacy_exceptions = True
    if options.tier is not None:
        config.strategy = options.tier
    engine = Engine(config)
    total = _Counts()
    for path in options.files:
        counts = _run_file(path, engine)
        total += counts
        if options.json:
            print(json.dumps({"file": path, **_by_name(counts)}), flush=True)
        else:
            print(f"{printable(path)}: {_words(counts)}", flush=True)
    files = len(options.files)
    if options.json:
        print(json.dumps({"total": {"files": files, **_by_name(total)}}))
    elif files > 1:
        print(f"{files} files: {_words(total)}")
    return exit_codes.FAILURE if total[Verdict.FAILED] else exit_codes.OK


def _run_file(path: str, engine: Engine) -> _Counts:
    """The verdicts of a script; one that cannot be read or parsed is one failure."""
    try:
        with about(path):
            script = parse_script(read(path))
    except Failure as failure:
        say(failure.message)
        return _Counts({Verdict.FAILED: 1})
    counts = _Counts()
    with about(path):
        for outcome in run(script, engine):
            counts[outcome.verdict] += 1
            # What is skipped mostly needs what was skipped first.
            first_skipped = outcome.verdict is Verdict.SKIPPED and counts[Verdict.SKIPPED] == 1
            if outcome.verdict is Verdict.FAILED or first_skipped:
                say(_line(path, script, outcome))
    return counts


def _line(path: str, script: Script, outcome: Outcome) -> str:
    """Where the command is, what it says, what became of it and why."""
    place = script.place(outcome.command)
    said = " ".join(script.excerpt(outcome.command, _QUOTED_LENGTH).split())
    why = " ".join(outcome.reason.split())
    verdict = outcome.verdict.value
    return f"{printable(path)}:{place.line}:{place.column}: {verdict}: {said}: {why}"


def _by_name(counts: _Counts) -> dict[str, int]:
    return {verdict.value: counts[verdict] for verdict in Verdict}


def _words(counts: _Counts) -> str:
    return ", ".join(f"{count} {name}" for name, count in _by_name(counts).items())
