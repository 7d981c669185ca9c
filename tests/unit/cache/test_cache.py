"""`Cache`, and which store an engine uses for what its `Config.cache` says."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cachewasm import Cache, CacheConfig, Config, ConfigError, Engine, wat2wasm
from cachewasm.cache.history.statistics import records_in
from cachewasm.cache.keys import ArtifactKey
from cachewasm.cache.local import LocalStore
from cachewasm.cache.reasons import StoreFailure

KEY = ArtifactKey(bytes(32), bytes(32), "x86-64-v1", "baseline")
RAW = b"artifact " * 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file that names tmp_path/cache."""
    path = tmp_path / "config.toml"
    path.write_text(f'[cache]\ndirectory = "{tmp_path}/cache"\nmax-age = "5d"\n', encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def without_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable says where the cache is."""
    monkeypatch.delenv("CACHEWASM_DIR")


def engine_of(choice: "bool | str | Cache | CacheConfig") -> Engine:
    config = Config()
    config.cache = choice
    return Engine(config)


def cache_of(choice: "bool | str | Cache | CacheConfig") -> Cache:
    cache = engine_of(choice).cache
    assert cache is not None
    return cache


def test_cache_counts_hits_and_misses(tmp_path: Path) -> None:
    config = CacheConfig()
    config.directory = str(tmp_path / "cache")
    cache = Cache(config)
    cache.store.get(KEY)
    cache.store.put(KEY, RAW, {})
    cache.store.get(KEY)
    assert (cache.hits, cache.misses) == (1, 1)
    assert cache.counts() == {"hit": 1, "miss.absent": 1, "store": 1}
    assert cache.directory == config.directory


def test_cache_reads_its_settings_once(tmp_path: Path) -> None:
    config = CacheConfig()
    config.directory = str(tmp_path)
    cache = Cache(config)
    config.directory = str(tmp_path / "other")
    assert cache.directory == cache.config.directory == str(tmp_path)
    with pytest.raises(ConfigError, match="in use"):
        cache.config.sync = True


def test_cache_without_a_config_has_that_of_the_user(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_directory: None
) -> None:
    monkeypatch.setenv("CACHEWASM_CONFIG", str(file))
    assert Cache().directory == str(tmp_path / "cache")


def test_cache_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="expected CacheConfig"):
        Cache("/directory")  # type: ignore[arg-type]


def test_cache_without_a_place_is_an_error() -> None:
    config = CacheConfig(environ={"HOME": "/h"})
    config._values["directory"] = None
    with pytest.raises(ConfigError, match="no place for a cache"):
        Cache(config)


@pytest.mark.parametrize(("level", "payload"), [(1, "zstd"), (19, "zstd"), (3, "raw")])
def test_cache_stores_as_its_settings_say(tmp_path: Path, level: int, payload: str) -> None:
    config = CacheConfig()
    config.directory = str(tmp_path / "cache")
    config.baseline_compression_level = level
    config.payload = payload
    cache = Cache(config)
    raw = os.urandom(512).hex().encode() * 40
    assert cache.store.put(KEY, raw, {}) is None
    size = (tmp_path / "cache" / "entries" / "v1" / KEY.entry_name).stat().st_size
    assert (size > 4096 + len(raw)) == (payload == "raw")
    found = cache.store.get(KEY)
    assert bytes(getattr(found, "raw", b"")) == raw


def test_engine_true_is_the_default_directory(cache_directory: Path) -> None:
    assert cache_of(True).directory == str(cache_directory)
    assert cache_of(True).config.mode == "read-write"


def test_engine_false_has_no_cache() -> None:
    assert engine_of(False).cache is None


def test_engine_off_variable_overrules_every_choice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CACHEWASM_CACHE", "off")
    for choice in (True, str(tmp_path), CacheConfig()):
        assert engine_of(choice).cache is None


def test_engine_path_of_a_file_is_a_configuration(
    file: Path, tmp_path: Path, without_directory: None
) -> None:
    cache = cache_of(str(file))
    assert (cache.directory, cache.config.max_age) == (str(tmp_path / "cache"), 5 * 86400)
    assert cache.config.file == str(file)


def test_engine_path_of_a_file_may_be_relative(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_directory: None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cache_of("config.toml").config.file == str(file)


def test_engine_path_of_an_absent_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"failed to read config file: .*absent.toml: No such"):
        engine_of(str(tmp_path / "absent.toml"))


def test_engine_path_of_a_directory_is_the_cache(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = str(tmp_path / "here")
    assert cache_of(here).directory == here
    monkeypatch.setenv("CACHEWASM_CONFIG", str(file))
    cache = cache_of(here)
    assert (cache.directory, cache.config.max_age) == (here, 5 * 86400)
    assert cache.config.origin("directory").kind == "argument"


def test_engine_variable_that_is_wrong_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHEWASM_SYNC", "perhaps")
    with pytest.raises(ConfigError, match=r"^CACHEWASM_SYNC: "):
        Engine()


def test_engine_takes_a_config_and_a_cache(tmp_path: Path) -> None:
    config = CacheConfig()
    config.directory = str(tmp_path)
    assert cache_of(config).directory == str(tmp_path)
    cache = Cache(config)
    assert cache_of(cache).store is cache.store


def test_engines_with_equal_settings_share_a_store(tmp_path: Path) -> None:
    configs = [CacheConfig(), CacheConfig(), CacheConfig()]
    for config in configs:
        config.directory = str(tmp_path)
    configs[2].sync = True
    one, same, other = (cache_of(config).store for config in configs)
    assert one is same
    assert one is not other
    assert Cache(configs[0]).store is not one
    assert cache_of(True).store is cache_of(True).store


def test_engine_users_own_file_that_others_can_write_is_an_error(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cachewasm").mkdir(mode=0o700)
    own = file.rename(tmp_path / "cachewasm" / "config.toml")
    own.chmod(0o606)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=rf"not trusted: {own}: others can write to it"):
        Engine()


def test_store_without_a_config_has_the_defaults_of_the_table(tmp_path: Path) -> None:
    plain = LocalStore(str(tmp_path / "plain"))
    config = CacheConfig(environ={"CACHEWASM_DIR": str(tmp_path / "configured")})
    configured = Cache(config).store
    entries = []
    for store in (plain, configured):
        assert store.put(KEY, RAW, {}) is None
        path = Path(store.directory) / "entries" / "v1" / KEY.entry_name
        entries.append((path.read_bytes(), path.stat().st_mode))
    assert entries[0] == entries[1]
    assert plain.config.identity()[1:] == config.identity()[1:]
    assert plain.config.directory == plain.directory
    assert not plain.config.sync


def test_cache_statistics_are_those_of_the_directory(tmp_path: Path) -> None:
    config = CacheConfig(environ={"CACHEWASM_DIR": str(tmp_path / "cache")})
    cache = Cache(config)
    cache.store.put(KEY, RAW, {"compile_ms": 12})
    cache.store.get(KEY)
    assert cache.statistics().counts == {}
    cache.store.record()
    counts = Cache(config).statistics().counts
    assert (counts["hit"], counts["store"]) == (1, 1)


def test_cache_in_memory_is_of_a_bounded_size(tmp_path: Path) -> None:
    cache = Cache.in_memory(2000)
    assert cache.store.put(KEY, RAW, {}) is None
    assert isinstance(cache.store.put(KEY, os.urandom(4000), {}), StoreFailure)
    assert (cache.directory, cache.config.directory) == (None, None)
    for size in (0, -1):
        with pytest.raises(ConfigError, match="holds nothing"):
            Cache.in_memory(size)


def test_stores_with_settings_record_when_the_process_ends(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from cachewasm import Cache, CacheConfig, Config, Engine\n"
        "from cachewasm.cache.keys import ArtifactKey\n"
        "key = ArtifactKey(bytes(32), bytes(32), 'x86-64-v1', 'baseline')\n"
        "settings = CacheConfig()\n"
        "settings.sync = True\n"
        "config = Config()\n"
        "config.cache = settings\n"
        "Cache().store.put(key, b'x', {})\n"
        "Engine(config).cache.store.get(key)\n"
    )
    directory = str(tmp_path / "cache")
    subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "CACHEWASM_DIR": directory},
        check=True,
    )
    counts = Cache(CacheConfig(environ={"CACHEWASM_DIR": directory})).statistics().counts
    assert (counts["store"], counts["hit"], counts["statistics.records"]) == (1, 1, 2)


# Who compiles looks for the support image, too.
@pytest.mark.parametrize(("mode", "misses"), [("read-only", 2), ("must-hit", 1)])
def test_process_that_writes_nothing_tells_the_log_of_its_build(
    mode: str, misses: int, tmp_path: Path
) -> None:
    log = tmp_path / "build.stats"
    script = (
        "from cachewasm import CacheMiss, Engine, Module\n"
        "try:\n"
        "    Module(Engine(), '(module)')\n"
        "except CacheMiss:\n"
        "    pass\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "CACHEWASM_DIR": str(tmp_path / "cache"),
            "CACHEWASM_MODE": mode,
            "CACHEWASM_STATS_LOG": str(log),
        },
        check=True,
    )
    (record,) = records_in(str(log), 1 << 20)
    assert record is not None
    assert (record.misses, record.count("alias-miss.absent")) == (misses, 1)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", ["fifo", "missing"])
def test_log_of_a_build_that_takes_no_record_is_a_warning_once(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "a" / "b" / "build.stats" if kind == "missing" else tmp_path / "fifo"
    if kind == "fifo":
        os.mkfifo(log, 0o600)
    config = CacheConfig()
    config.mode, config.stats_log = "read-only", str(log)
    config.directory = str(tmp_path / "cache")
    for _ in range(2):
        store = LocalStore(config.directory, config=config.in_use())
        store.get(KEY)
        store.record()
    (warning,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert f"no statistics are recorded in {log}" in warning.getMessage()


def test_threads_that_wait_for_one_compile_are_hits_wherever_it_is_told(tmp_path: Path) -> None:
    config = Config()
    settings = CacheConfig()
    settings.directory = str(tmp_path / "cache")
    config.cache = cache = Cache(settings)
    # Not to run: the support image is no matter here.
    engine = Engine(config)
    wasm = bytes(wat2wasm("(module)"))
    begin = threading.Barrier(4)

    def compile() -> None:
        begin.wait()
        engine.precompile_module(wasm)

    threads = [threading.Thread(target=compile) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (cache.hits, cache.misses) == (3, 1)
    assert isinstance(cache.store, LocalStore)
    cache.store.record()
    found = cache.statistics()
    assert (found.hits, found.misses) == (3, 1)


def test_on_event_is_called_with_event_key_and_reason() -> None:
    cache = Cache.in_memory()
    assert cache.on_event is None
    events: list[tuple[str, str, str]] = []

    def hook(event: str, key: object, reason: str) -> None:
        events.append((event, type(key).__name__, reason))

    cache.on_event = hook
    assert cache.on_event is hook
    engine = engine_of(cache)
    engine.precompile_module("(module)")
    first, events[:] = list(events), []
    assert first == [
        ("alias-miss", "AliasKey", "absent"),
        ("miss", "ArtifactKey", "absent"),
        ("store", "ArtifactKey", ""),
        ("alias-store", "AliasKey", ""),
    ]
    engine.precompile_module("(module)")
    assert events == [("alias-hit", "AliasKey", ""), ("hit", "ArtifactKey", "")]
    cache.on_event = None
    engine.precompile_module("(module)")
    assert len(events) == 2
    assert (cache.hits, cache.misses, cache.statistics().hits) == (2, 1, 0)


def test_on_event_that_raises_is_an_error_of_who_looked_up() -> None:
    cache = Cache.in_memory()

    def hook(event: str, key: object, reason: str) -> None:
        raise KeyError(event)

    cache.on_event = hook
    with pytest.raises(KeyError, match="miss"):
        engine_of(cache).precompile_module(wat2wasm("(module)"))


def test_cache_refuses_what_is_no_hook_and_no_number_of_bytes() -> None:
    with pytest.raises(TypeError, match="expected a function or None"):
        Cache.in_memory().on_event = "print"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="expected a number of bytes"):
        Cache.in_memory("x")  # type: ignore[arg-type]
