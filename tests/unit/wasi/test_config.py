"""WasiConfig: set-only properties, permissions, mistakes, and who closes what."""

import gc
import os

import pytest

from cachewasm.errors import WasmtimeError
from cachewasm.wasi import config as config_module
from cachewasm.wasi.config import WasiConfig
from cachewasm.wasi.descriptor import READ, WRITE

SETTERS = ["argv", "env", "stdin_file", "stdout_file", "stderr_file"]


@pytest.mark.parametrize("name", [*SETTERS, "stdout_custom", "stderr_custom"])
def test_property_read_is_attribute_error(name):
    with pytest.raises(AttributeError):
        getattr(WasiConfig(), name)


def test_enums_are_built_when_asked_for():
    dir_perms, file_perms = config_module.DirPerms, config_module.FilePerms
    for perms in (dir_perms, file_perms):
        values = {p.name: p.value for p in perms}
        assert values == {"READ_ONLY": READ, "WRITE_ONLY": WRITE, "READ_WRITE": READ | WRITE}
    with pytest.raises(AttributeError, match="Perms"):
        _ = config_module.Perms


def test_preopen_dir_takes_enums(tmp_path):
    config = WasiConfig()
    read_only = config_module.DirPerms.READ_ONLY
    config.preopen_dir(tmp_path, ".", read_only, config_module.FilePerms.READ_ONLY)
    with config._consume() as ctx:
        directory = ctx.directory(3, READ)
        assert (directory.permissions, directory.file_permissions) == (READ, READ)
        assert not directory.may_write_files


def test_preopen_dir_missing_or_file_is_error(tmp_path):
    (tmp_path / "file").touch()
    with WasiConfig() as config:
        for path in (tmp_path / "missing", tmp_path / "file", "nul\0"):
            with pytest.raises(WasmtimeError, match="failed to add preopen dir"):
                config.preopen_dir(path, ".")


def test_preopen_dir_too_many_is_error(tmp_path, monkeypatch):
    monkeypatch.setattr("cachewasm.wasi.ctx.MAX_DESCRIPTORS", 4)
    with WasiConfig() as config:
        config.preopen_dir(tmp_path, "a")
        with pytest.raises(WasmtimeError, match="failed to add preopen dir"):
            config.preopen_dir(tmp_path, "b")


@pytest.mark.parametrize(
    ("stream", "path"), [("stdin", "missing"), ("stdout", "no/x"), ("stderr", "no/x")]
)
def test_stream_file_that_cannot_be_opened_is_error(tmp_path, stream, path):
    with WasiConfig() as config, pytest.raises(WasmtimeError, match=f"failed to set {stream} file"):
        setattr(config, f"{stream}_file", tmp_path / path)


def test_argv_and_env_with_nul_are_errors():
    with WasiConfig() as config:
        with pytest.raises(WasmtimeError, match="argv"):
            config.argv = ["a\0b"]
        with pytest.raises(WasmtimeError, match="environment"):
            config.env = [("a", "b\0c")]
        assert config._consume().args == []


def test_consumed_config_is_closed(tmp_path):
    config = WasiConfig()
    config._consume().close()
    for use in (
        config._consume,
        config.inherit_argv,
        config.inherit_stdout,
        lambda: config.preopen_dir(tmp_path, "."),
        lambda: setattr(config, "argv", ["a"]),
    ):
        with pytest.raises(ValueError, match="already closed"):
            use()
    config.close()


def _open_below(root):
    """The host's descriptors that refer to something below `root`."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith(str(root)):
            found.append(target)
    return found


def _grant(config, tmp_path):
    config.preopen_dir(tmp_path, ".")
    config.stdout_file = tmp_path / "first"
    config.stdout_file = tmp_path / "second"


def test_close_releases_what_was_opened(tmp_path):
    with WasiConfig() as config:
        _grant(config, tmp_path)
        assert sorted(_open_below(tmp_path)) == [str(tmp_path), str(tmp_path / "second")]
    assert _open_below(tmp_path) == []


def test_dropped_config_and_context_release_what_was_opened(tmp_path):
    config = WasiConfig()
    _grant(config, tmp_path)
    ctx = config._consume()
    del config
    assert len(_open_below(tmp_path)) == 2
    del ctx
    gc.collect()
    assert _open_below(tmp_path) == []


def test_opened_descriptors_are_not_inherited_by_programs(tmp_path):
    config = WasiConfig()
    _grant(config, tmp_path)
    with config._consume() as ctx:
        assert not os.get_inheritable(ctx.directory(3).fd)


def test_closed_context_has_no_descriptors(tmp_path):
    config = WasiConfig()
    _grant(config, tmp_path)
    ctx = config._consume()
    ctx.close()
    ctx.close()
    with pytest.raises(Exception, match="badf"):
        ctx.get(1)
