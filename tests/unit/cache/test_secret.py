"""Secrets and the files that hold them."""

import os
from pathlib import Path

import pytest
from blake3 import blake3

from cachewasm.cache.secret import Secret, default_key_file, file_content, read_secret
from cachewasm.cache.settings import CacheConfig
from cachewasm.errors import ConfigError

SECRET = bytes(range(32))
DIGEST = bytes(range(32, 64))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file as `keys new` makes it."""
    path = tmp_path / "key"
    path.write_bytes(file_content(SECRET))
    path.chmod(0o600)
    return path


def test_seal_is_spelled_out() -> None:
    key = blake3(SECRET, derive_key_context="cachewasm seal v1").digest()
    number = blake3(SECRET, derive_key_context="cachewasm secret id v1").digest()[:8]
    assert Secret(SECRET).seal(DIGEST) == number + blake3(DIGEST, key=key).digest()
    assert Secret(SECRET).id == number.hex()


def test_seal_is_accepted_for_its_digest_and_secret_only() -> None:
    secret = Secret(SECRET)
    seal = secret.seal(DIGEST)
    assert secret.problem(seal, DIGEST) is None
    assert secret.problem(seal, bytes(32)) == "its seal was made without the secret"
    assert secret.problem(b"", DIGEST) == "it is not sealed with a secret"
    problem = Secret(bytes(32)).problem(seal, DIGEST)
    assert problem == f"it is sealed with the secret {secret.id}, not with {Secret(bytes(32)).id}"


def test_secret_is_not_shown() -> None:
    assert repr(Secret(SECRET)) == f"Secret({Secret(SECRET).id})"
    assert SECRET.hex()[:8] not in repr(Secret(SECRET))


def test_secret_of_another_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="32 bytes"):
        Secret(bytes(31))


def test_read_secret_is_what_was_written(key_file: Path) -> None:
    assert read_secret(str(key_file)).id == Secret(SECRET).id


@pytest.mark.parametrize(
    "text",
    [
        SECRET.hex(),
        f"\n# comment\n\n  {SECRET.hex().upper()}  \n# {bytes(32).hex()}\n",
        f"# \xff\r\n{SECRET.hex()}\r\n",
    ],
)
def test_read_secret_takes_a_line_of_digits_and_comments(key_file: Path, text: str) -> None:
    key_file.write_text(text, encoding="latin-1")
    assert read_secret(str(key_file)).id == Secret(SECRET).id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        SECRET.hex()[:-1],
        SECRET.hex() + "0",
        f"{SECRET.hex()}\n{SECRET.hex()}",
        "x" * 64,
        f"key = {SECRET.hex()}",
    ],
)
def test_read_secret_of_anything_else_is_an_error_that_quotes_nothing(
    key_file: Path, text: str
) -> None:
    key_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read_secret(str(key_file))
    assert str(raised.value) == (
        f"the key file is not understood: {key_file}: expected a line of 64 hexadecimal digits"
    )


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_read_secret_of_the_owner_alone_is_trusted(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    assert read_secret(str(key_file)).id


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o602])
def test_read_secret_that_others_can_read_or_write_is_not_trusted(
    key_file: Path, mode: int
) -> None:
    key_file.chmod(mode)
    with pytest.raises(ConfigError, match=f"the key file is not trusted: {key_file}: others can"):
        read_secret(str(key_file))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of other users")
def test_read_secret_is_shared_with_a_group_by_root_alone(key_file: Path) -> None:
    key_file.chmod(0o640)
    os.chown(key_file, 0, 4242)
    assert read_secret(str(key_file)).id
    os.chown(key_file, 4242, 4242)
    with pytest.raises(ConfigError, match="others can read it"):
        read_secret(str(key_file))


def test_read_secret_below_a_directory_that_others_write_is_not_trusted(key_file: Path) -> None:
    key_file.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="others can write to it"):
        read_secret(str(key_file))


def test_read_secret_of_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_secret(str(tmp_path / "fifo"))


def test_read_secret_that_is_absent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"failed to read key file: .*: No such file"):
        read_secret(str(tmp_path / "absent"))


def test_read_secret_inside_the_cache_directory_is_an_error(key_file: Path) -> None:
    (key_file.parent / "link").symlink_to(key_file.parent)
    for outside in (key_file.parent, key_file.parent / "link"):
        with pytest.raises(ConfigError, match="has to lie outside the cache directory"):
            read_secret(str(key_file), outside=str(outside))
    assert read_secret(str(key_file), outside=str(key_file.parent / "cache")).id


def test_rules_of_a_configuration_have_its_secret_owners_and_mode(key_file: Path) -> None:
    config = CacheConfig(environ={"CACHEWASM_DIR": str(key_file.parent / "cache")})
    config.key_file = str(key_file)
    config.trusted_owners = (4242,)
    config.file_mode = 0o640
    rules = config.rules()
    assert rules.secret is not None and rules.secret.id == Secret(SECRET).id
    assert (rules.owners, rules.file_mode, rules.directory_mode) == ((4242,), 0o640, 0o750)


def test_default_key_file_is_beside_the_configuration() -> None:
    assert default_key_file({"XDG_CONFIG_HOME": "/c"}) == "/c/cachewasm/key"
