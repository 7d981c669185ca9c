"""The verbs of `cachewasm cache`, in the order in which help lists them."""

from ..parser import Commands
from . import (
    clear,
    config,
    directory,
    doctor,
    exporting,
    importing,
    keys,
    listing,
    lock,
    pin,
    prune,
    recompress,
    show,
    stats,
    verify,
    warm,
    why,
)

# Where and how; what is there; what comes and goes; what stays; whether all is well.
_VERBS = (
    *(directory, config, keys),
    *(listing, show, stats, why),
    *(warm, lock, exporting, importing),
    *(pin, prune, clear, recompress),
    *(verify, doctor),
)


def add_cache(commands: Commands) -> None:
    """Add `cache` and all its verbs."""
    summary = "look at the cache and keep it small"
    parser = commands.add_parser("cache", help=summary, description=f"{summary.capitalize()}.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add(verbs)
