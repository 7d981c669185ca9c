"""The settings of the cache that a verb works on."""

from argparse import Namespace

from cachewasm.cache.settings import CacheConfig

from ..failure import Failure
from ..place import chosen_directory


def chosen_config(options: Namespace) -> CacheConfig:
    """The settings under --cache-dir and --config; there is a directory. Raises Failure, ConfigError."""
    directory = chosen_directory(options.cache_dir, options.config)
    config = CacheConfig.from_file()
    config.directory = directory
    return config.in_use()


def directory_to_change(options: Namespace, *, dry_run: bool = False) -> str:
    """The path of the directory, unless the settings say that nothing is changed there."""
    config = chosen_config(options)
    if config.mode != "read-write" and not dry_run:
        raise Failure(f"nothing is changed in this cache: its mode is {config.mode}")
    # chosen_config has set it.
    return config.directory or ""
