"""Which entries a verb is about: --namespace and --engine-version, by what entries say of themselves."""

import argparse
from collections.abc import Callable

from cachewasm.cache.local import LocalStore
from cachewasm.cache.setting import Label
from cachewasm.cache.survey import inspect
from cachewasm.cache.survey.facts import Maker, compiler_of, with_facts
from cachewasm.engine import ingredients
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
from cachewasm.errors import ConfigError

CURRENT, OTHER = "current", "other"
# What stands for a version or one of these.
ENGINE = "ENGINE"
_MAX_VERSION = 64


def add_namespace(parser: argparse.ArgumentParser, what: str) -> None:
    """The option of verbs that can be about the entries of one namespace."""
    parser.add_argument("--namespace", type=namespace, metavar="N", help=what)


def namespace(text: str) -> str:
    """The type of an argument that is a namespace."""
    try:
        return Label(None, "").from_text(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def engine_version(text: str) -> str:
    """The type of an argument that says which engines are meant."""
    if not 0 < len(text) <= _MAX_VERSION or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no version")
    return text


def names_of(
    store: LocalStore, *, namespace: str | None, engine_version: str | None = None
) -> frozenset[str] | None:
    """The entries of which both are true as far as they are given; None for all, if neither is.

    What cannot be read is of no namespace and of no engine.
    """
    conditions: list[Callable[[Maker], bool]] = []
    if namespace is not None:
        conditions.append(lambda maker: maker.namespace == namespace)
    if engine_version is not None:
        conditions.append(_of_engine(engine_version))
    if not conditions:
        return None
    listing = list(inspect.listing(store.directory))
    found = with_facts(store.directory, listing, store.rules, use_index=store.writes)
    return frozenset(
        file.name
        for file, facts in found
        if not facts.reason and all(is_met(facts.maker) for is_met in conditions)
    )


def _of_engine(version: str) -> Callable[[Maker], bool]:
    if version not in (CURRENT, OTHER):
        return lambda maker: maker.version == version
    own = compiler_of(ingredients.of_environment(from_config(Config())))
    return lambda maker: (maker.compiler == own) is (version == CURRENT)
