"""`cache config`: every setting in effect, with the argument, variable or line that says so."""

import os
from argparse import Namespace

from cachewasm.cache.config import cache_enabled
from cachewasm.cache.setting import NotYet, Setting
from cachewasm.cache.settings import ARGUMENT, DEFAULT, SETTINGS, VARIABLE, CacheConfig, Origin

from .. import exit_codes, text
from ..failure import printable
from ..parser import Commands, add_command, add_json, add_place

_COLUMNS = ("SETTING", "VALUE", "ORIGIN")


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "print every setting in effect, and where its value comes from"
    parser = add_command(verbs, "config", show, summary)
    add_place(parser)
    add_json(parser)


def show(options: Namespace) -> int:
    """Print the settings, in the order of config/default.toml. Nothing on the disk is touched."""
    config = CacheConfig.from_file(options.config)
    is_on, switch = cache_enabled(os.environ), _switch()
    if options.cache_dir is not None:
        config.directory = os.path.abspath(options.cache_dir)
        # As for every command: who names a directory wants a cache.
        is_on, switch = True, Origin(ARGUMENT)
    shown = [setting for setting in SETTINGS.values() if not isinstance(setting, NotYet)]
    if options.json:
        settings = {
            each.key: {"value": _value(each, config), **_origin(config.origin(each.name))}
            for each in shown
        }
        enabled: dict[str, text.Fact] = {"value": is_on, **_origin(switch)}
        facts: dict[str, text.Fact] = {
            "file": config.file,
            "enabled": enabled,
            "settings": settings,
        }
        print(text.as_json(facts))
        return exit_codes.OK
    rows = [("enabled", "true" if is_on else "false", str(switch))]
    rows += [
        (each.key, each.to_text(getattr(config, each.name)), str(config.origin(each.name)))
        for each in shown
    ]
    text.print_lines(text.table_lines(_COLUMNS, rows, right=(), fit=True))
    print(printable(f"config file: {config.file or 'none'}"))
    return exit_codes.OK


def _switch() -> Origin:
    """Where it comes from that there is a cache at all."""
    name = "CACHEWASM_CACHE"
    return Origin(VARIABLE, name) if os.environ.get(name) else Origin(DEFAULT)


def _value(setting: Setting, config: CacheConfig) -> text.Fact:
    """Numbers, in bytes and seconds, and truth values as they are; a mode is read in octal."""
    value: text.Fact = getattr(config, setting.name)
    return setting.to_text(value) if setting.key == "file-mode" else value  # type: ignore[arg-type]


def _origin(origin: Origin) -> dict[str, text.Fact]:
    return {"origin": origin.kind, "place": origin.place, "line": origin.line}
