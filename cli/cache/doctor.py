"""`cache doctor`: whether everything that the cache needs is in order, and what to do if not."""

from argparse import Namespace

from .. import exit_codes, text
from ..failure import printable
from ..parser import Commands, add_command, add_json, add_place
from ..place import choose_cache
from .check import FAIL
from .checks import checks

_EPILOG = f"""exit code: {exit_codes.OK}, or {exit_codes.FAILURE} if something keeps the cache from working
"""


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "check all that the cache needs, and say what to do"
    parser = add_command(verbs, "doctor", doctor, summary, _EPILOG)
    add_place(parser)
    add_json(parser)


def doctor(options: Namespace) -> int:
    """Print a line for each check."""
    choose_cache(options.cache_dir, options.config)
    found = []
    for check in checks(options.config):
        found.append(check)
        if not options.json:
            print(printable(f"{check.state:<4}  {check.name}: {check.found}"))
            if check.advice:
                print(printable(f"      {check.advice}"))
    if options.json:
        facts: list[dict[str, text.Fact]] = [
            {"check": c.name, "state": c.state, "found": c.found, "advice": c.advice or None}
            for c in found
        ]
        print(text.as_json(facts))
    is_broken = any(check.state == FAIL for check in found)
    return exit_codes.FAILURE if is_broken else exit_codes.OK
