"""What a cache entry says of itself in its header and manifest, as `inspect` and `cache show` print it."""

from collections.abc import Mapping

from cachewasm.cache import entry
from cachewasm.cache.entry import Header
from cachewasm.engine import host
from cachewasm.errors import HostError

from . import text

_CODECS = {entry.CODEC_RAW: "raw", entry.CODEC_ZSTD: "zstd"}


def header_facts(header: Header) -> dict[str, text.Fact]:
    """The fixed part."""
    return {
        "size": header.entry_size,
        "codec": _CODECS[header.codec],
        "key_digest": header.key_digest.hex(),
        "stored_size": header.stored_size,
        "raw_size": header.raw_size,
        "raw_digest": header.raw_digest.hex(),
    }


def manifest_facts(manifest: Mapping[str, str | int]) -> dict[str, text.Fact]:
    """The key, the facts about the entry, what the key was made of, and what code needs of a host."""
    key = {name: manifest.get(name) for name in entry.KEY_PAIRS}
    ingredients = {name: value for name, value in manifest.items() if "." in name}
    provenance = {
        name: value
        for name, value in manifest.items()
        if name not in key and name not in ingredients
    }
    return {
        "key": key,
        "provenance": provenance,
        "ingredients": ingredients,
        "host": _host_facts(manifest),
    }


def _host_facts(manifest: Mapping[str, str | int]) -> dict[str, text.Fact]:
    """What the code needs, and whether this host has it; nothing for what is no compiled module."""
    triple, features = manifest.get("target.triple"), manifest.get("isa.features")
    if not isinstance(triple, str) or not isinstance(features, str):
        return {}
    arch = triple.partition("-")[0]
    try:
        has = host.host_features() if arch == host.machine() else frozenset()
    except HostError:
        has = frozenset()
    lacking = [name for name in features.split() if name not in has]
    return {
        "machine": arch,
        "needs": features,
        "runs_here": arch == host.machine() and not lacking,
        "lacking_here": (" ".join(lacking) or None) if arch == host.machine() else None,
    }
