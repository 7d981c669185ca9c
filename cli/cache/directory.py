"""`cache dir`: where the cache is."""

from argparse import Namespace

from ..exit_codes import OK
from ..parser import Commands, add_command, add_place
from ..place import chosen_directory


def add(verbs: Commands) -> None:
    """Add the verb."""
    add_place(add_command(verbs, "dir", directory, "print where the cache is"))


def directory(options: Namespace) -> int:
    """Print the path; it need not exist."""
    print(chosen_directory(options.cache_dir, options.config))
    return OK
