"""Which cache the command uses: the options --no-cache, --cache-dir and --config over the environment.

The choice is made in this process's environment, since the engine is not the only one that keeps
code: the support image is shared by all engines of a process. On the warm path.
"""

import os

from cachewasm.cache.config import cache_directory, is_default

from .failure import Failure, printable, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.local import LocalStore

_NO_PLACE = "there is no place for a cache: set CACHEWASM_DIR"


def choose_cache(directory: str | None, config: str | None = None, *, off: bool = False) -> None:
    """Use the cache in `directory` under the configuration file `config`, by default those of the
    environment; or none if it is `off`.
    """
    if off:
        os.environ["CACHEWASM_CACHE"] = "0"
        return
    if directory is not None:
        os.environ["CACHEWASM_CACHE"] = "1"
        os.environ["CACHEWASM_DIR"] = os.path.abspath(directory)
    if config is not None:
        os.environ["CACHEWASM_CONFIG"] = os.path.abspath(config)


def chosen_store(
    directory: str | None, config: str | None = None, *, judges: bool = False, needs: bool = True
) -> "LocalStore":
    """The store of the cache that is chosen, for a command that manages it: no use is recorded.

    If the command `needs` the directory, which is neither made nor done without, a line says that there
    is none yet. Raises Failure if there is no place for a cache, or if what the command needs cannot be
    listed, unless it `judges` that itself.
    """
    from cachewasm.cache.local import LocalStore
    from cachewasm.cache.settings import CacheConfig

    place = chosen_directory(directory, config)
    store = LocalStore(place, config=CacheConfig.from_file().in_use())
    if needs:
        _tell_of(place, judges=judges)
    return store


def _tell_of(place: str, *, judges: bool) -> None:
    """Nothing would be found in such a directory, which is not the same as an empty cache."""
    from cachewasm.cache import files
    from cachewasm.cache.survey.folders import directory_itself

    unfit = directory_itself(place)
    if unfit is None:
        if not files.is_directory(place):
            say(f"cachewasm: {place}: there is no cache yet")
    elif not judges:
        raise Failure(f"{printable(place)}: {unfit.detail}")


def chosen_to_change(
    directory: str | None,
    config: str | None = None,
    *,
    dry_run: bool = False,
    judges: bool = False,
    needs: bool = True,
) -> "LocalStore":
    """The same for a command that changes something, unless it is a dry run.

    Raises Failure also if the settings say that nothing is changed there.
    """
    store = chosen_store(directory, config, judges=judges, needs=needs)
    if not store.writes and not dry_run:
        raise Failure(f"nothing is changed in this cache: its mode is {store.config.mode}")
    return store


def chosen_directory(directory: str | None, config: str | None = None) -> str:
    """The absolute path of the cache directory; it need not exist. Raises Failure if there is none."""
    choose_cache(directory, config)
    if is_default(os.environ):
        found = cache_directory(os.environ)
    else:
        from cachewasm.cache.settings import CacheConfig

        found = CacheConfig.from_file().directory
    if found is None:
        raise Failure(_NO_PLACE)
    return found
