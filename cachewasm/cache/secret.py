"""A secret that authenticates entries, kept in a file outside the cache directory.

A sealed file ends with the number of the secret and a tag: BLAKE3, keyed, of the digest over all that
comes before. The digest is computed anyway, so a seal costs a hit nothing but these 32 bytes. Keys
are derived from the secret, one for each use. Format: docs/format/cache.md.

The file is believed as a configuration is, and only if nobody else can read it. On the warm path of a
user who has a secret.
"""

import os

from blake3 import blake3

from cachewasm.cache import files
from cachewasm.cache.config import default_config_file
from cachewasm.cache.config_file import read_private
from cachewasm.cache.trust import SEAL_SIZE, SECRET_ID_SIZE
from cachewasm.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET_SIZE = 32

_TAG_CONTEXT = "cachewasm seal v1"
_ID_CONTEXT = "cachewasm secret id v1"
_HEX = frozenset("0123456789abcdefABCDEF")


class Secret:
    """What seals and checks. `id` is a number for people, which tells nothing of the secret."""

    __slots__ = ("_id", "_key")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_SIZE:
            raise ConfigError(f"a secret has {SECRET_SIZE} bytes")
        self._key = blake3(secret, derive_key_context=_TAG_CONTEXT).digest()
        self._id = blake3(secret, derive_key_context=_ID_CONTEXT).digest(SECRET_ID_SIZE)

    @property
    def id(self) -> str:
        """16 hexadecimal digits."""
        return self._id.hex()

    def seal(self, digest: bytes) -> bytes:
        """The SEAL_SIZE bytes that authenticate what has this digest."""
        return self._id + blake3(digest, key=self._key).digest()

    def problem(self, seal: "bytes | memoryview", digest: bytes) -> str | None:
        """Why what has this digest is not authenticated by `seal`, as a clause; None if it is."""
        if len(seal) != SEAL_SIZE:
            return "it is not sealed with a secret"
        found = bytes(seal[:SECRET_ID_SIZE])
        if found != self._id:
            return f"it is sealed with the secret {found.hex()}, not with {self.id}"
        # Digests are compared, so that the time it takes tells nothing of how much was right.
        if blake3(seal).digest() != blake3(self.seal(digest)).digest():
            return "its seal was made without the secret"
        return None

    def __repr__(self) -> str:
        return f"Secret({self.id})"


def read_secret(path: str, *, outside: str | None = None) -> Secret:
    """The secret in a file: 64 hexadecimal digits, and comments. Raises ConfigError.

    The file may not lie in the directory `outside`, for whose entries it speaks.
    """
    if outside is not None and files.lies_in(path, outside):
        raise ConfigError(f"the key file has to lie outside the cache directory: {path}")
    data = read_private(path, "key file", is_secret=True)
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
    said = [line for line in lines if line and not line.startswith("#")]
    if len(said) != 1 or len(said[0]) != 2 * SECRET_SIZE or not _HEX.issuperset(said[0]):
        # Nothing of the file is quoted: it may hold another secret.
        raise ConfigError(
            f"the key file is not understood: {path}: "
            f"expected a line of {2 * SECRET_SIZE} hexadecimal digits"
        )
    return Secret(bytes.fromhex(said[0]))


def file_content(secret: bytes) -> bytes:
    """What a key file has in it."""
    return (
        "# A secret of cachewasm: whoever knows it can make compiled code that is believed.\n"
        f"# Id: {Secret(secret).id}\n"
        f"{secret.hex()}\n"
    ).encode()


def default_key_file(environ: "Mapping[str, str]") -> str | None:
    """Where a user's secret is by default, beside the configuration; None without a place for one."""
    config = default_config_file(environ)
    return None if config is None else os.path.join(os.path.dirname(config), "key")
