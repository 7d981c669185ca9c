"""`cache keys`: the secret that authenticates entries: make one, and tell its number."""

import os
from argparse import Namespace

from cachewasm.cache import publish
from cachewasm.cache.secret import SECRET_SIZE, Secret, default_key_file, file_content, read_secret
from cachewasm.cache.settings import CacheConfig
from cachewasm.errors import ConfigError

from .. import exit_codes, text
from ..failure import Failure, about, printable, say
from ..parser import Commands, add_command, add_json

_KEY_MODE = 0o600


def add(verbs: Commands) -> None:
    """Add the verb and its own verbs."""
    summary = "make the secret that entries are sealed with, or tell its number"
    parser = verbs.add_parser("keys", help=summary, description=f"{summary.capitalize()}.")
    own = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, function, about_it in (
        ("new", new, "make a key file, with a secret that nobody else has"),
        ("show-id", show_id, "print the number of the secret in a key file"),
    ):
        verb = add_command(own, name, function, about_it)
        verb.add_argument("file", nargs="?", metavar="PATH", help="by default that of the settings")
        verb.add_argument("--config", metavar="PATH", help="the configuration file of the cache")
        add_json(verb)


def new(options: Namespace) -> int:
    """Write a new key file; one that exists is never replaced, since its entries need it."""
    config = CacheConfig.from_file(options.config)
    path = _path(options, config)
    place, own = os.path.dirname(path), default_key_file(os.environ)
    with about(path):
        # Elsewhere a name that is missing is more likely a wrong one.
        if own is not None and f"{place}/".startswith(f"{os.path.dirname(own)}/"):
            publish.make_directory(place)
        elif not os.path.isdir(place):
            raise Failure(f"{printable(path)}: there is no directory {printable(place)}")
        publish.write_new(path, file_content(os.urandom(SECRET_SIZE)), mode=_KEY_MODE)
    try:
        made = read_secret(path, outside=config.directory)
    except ConfigError:
        # Where it would not be believed it is of no use: better to hear of it now.
        publish.remove(path)
        raise
    _print(path, made, options)
    if not options.json:
        say(f'to use it, set key-file = "{path}" in the configuration of the cache')
    return exit_codes.OK


def show_id(options: Namespace) -> int:
    """Print the number of the secret, which the messages about sealed entries name."""
    path = _path(options, CacheConfig.from_file(options.config))
    _print(path, read_secret(path), options)
    return exit_codes.OK


def _print(path: str, secret: Secret, options: Namespace) -> None:
    facts: dict[str, text.Fact] = {"path": path, "id": secret.id}
    print(text.as_json(facts) if options.json else printable(f"{secret.id}  {path}"))


def _path(options: Namespace, config: CacheConfig) -> str:
    named: str | None = options.file
    path = config.key_file if named is None else os.path.abspath(named)
    path = path or default_key_file(os.environ)
    if path is None:
        raise Failure("there is no place for a key file: name one")
    return path
