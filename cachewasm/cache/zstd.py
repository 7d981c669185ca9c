"""The one place that speaks zstd: whole frames of known size, in and out.

The PyPI package `zstandard` takes 13 to 23 ms to import, nearly all of it for typing and re; its C
extension alone takes 0.5 ms. So the extension is loaded by itself, without the package; where that
is not possible the package is imported, and without it the standard library's module (Python 3.14).
Nothing is loaded before the first use.

A frame is decompressed only after its header has been read here: it must declare exactly the size
that the caller expects, need no dictionary and no oversized window. So what is allocated is what
the caller has bounded. Format: RFC 8878, section 3.1.1.

On the warm path: the two _frozen modules are the import system itself, loaded in every process.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Protocol

    from typing_extensions import Buffer

    class Codec(Protocol):
        """What is needed of a zstd library; `decompress` may assume a checked frame header."""

        def compress(self, raw: Buffer, level: int) -> bytes:
            """With no match of less than _MIN_MATCH bytes."""

        def decompress(self, frame: Buffer, raw_size: int) -> bytes: ...


MAGIC = b"\x28\xb5\x2f\xfd"
# The largest window of any level (22). Frames with a single segment have none beyond the content.
MAX_WINDOW = 1 << 27

# Shorter matches of machine code save a few percent of a frame, and take a fifth of decompressing it.
_MIN_MATCH = 7

# As many as there are threads in one decode (payload.py).
_MAX_IDLE = 2

_CONTENT_SIZE_BYTES = (0, 2, 4, 8)

_codec: "Codec | None" = None


class ZstdError(ValueError):
    """A frame is damaged, or not what the caller expects."""


def compress(raw: "Buffer", level: int = 3) -> bytes:
    """Compress `raw` into one frame that declares its content size; thread-safe, deterministic."""
    return _loaded_codec().compress(raw, level)


def decompress(frame: "Buffer", raw_size: int) -> bytes:
    """Decompress one frame of exactly `raw_size` bytes; thread-safe.

    The caller bounds `raw_size`. Raises ZstdError if the frame declares or holds another size, is
    damaged or empty, needs a dictionary or a huge window, or is followed by anything.
    """
    _check_frame_header(bytes(memoryview(frame)[:18]), raw_size)
    return _loaded_codec().decompress(frame, raw_size)


def _check_frame_header(head: bytes, raw_size: int) -> None:
    if not head.startswith(MAGIC):
        raise ZstdError("not a zstd frame")
    if len(head) < 6:
        raise ZstdError("the frame header is cut short")
    descriptor = head[4]
    is_single_segment = descriptor & 0x20
    if descriptor & 0x08:
        raise ZstdError("the frame header uses a reserved bit")
    if descriptor & 0x03:
        raise ZstdError("the frame needs a dictionary")
    position = 5
    if not is_single_segment:
        base = 1 << (10 + (head[5] >> 3))
        if base + (base >> 3) * (head[5] & 7) > MAX_WINDOW:
            raise ZstdError(f"the frame needs a window of more than {MAX_WINDOW} bytes")
        position = 6
    width = _CONTENT_SIZE_BYTES[descriptor >> 6]
    if width == 0 and is_single_segment:
        width = 1
    field = head[position : position + width]
    if width == 0 or len(field) < width:
        raise ZstdError("the frame does not declare its content size")
    declared = int.from_bytes(field, "little") + (256 if width == 2 else 0)
    if declared != raw_size:
        raise ZstdError(f"the frame declares {declared} bytes of content, expected {raw_size}")
    if raw_size == 0:
        # zstandard returns early on empty content, without looking at what follows.
        raise ZstdError("the frame is empty")


class _Zstandard:
    """The PyPI package zstandard, or its C extension alone: both have these names."""

    def __init__(self, module: "ModuleType") -> None:
        self._compressor = module.ZstdCompressor
        self._parameters = module.ZstdCompressionParameters.from_level
        self._decompressor = module.ZstdDecompressor
        self._error = module.ZstdError
        # Those that nobody is using: a new one takes 0.1 ms, most of a small frame's time.
        self._idle: list[Any] = []

    def compress(self, raw: "Buffer", level: int) -> bytes:
        size = memoryview(raw).nbytes
        parameters = self._parameters(level, source_size=size, min_match=_MIN_MATCH)
        frame: bytes = self._compressor(compression_params=parameters).compress(raw)
        return frame

    def decompress(self, frame: "Buffer", raw_size: int) -> bytes:
        try:
            decompressor = self._idle.pop()
        except IndexError:
            decompressor = self._decompressor()
        try:
            raw: bytes = decompressor.decompress(frame, allow_extra_data=False)
        except self._error as error:
            raise ZstdError(str(error)) from None
        if len(self._idle) < _MAX_IDLE:
            self._idle.append(decompressor)
        if len(raw) != raw_size:
            raise ZstdError(f"the frame holds {len(raw)} bytes, expected {raw_size}")
        return raw


if sys.version_info >= (3, 14):

    class _Stdlib:
        """The standard library's compression.zstd."""

        def __init__(self) -> None:
            from compression import zstd

            self._zstd = zstd

        def compress(self, raw: "Buffer", level: int) -> bytes:
            names = self._zstd.CompressionParameter
            options = {names.compression_level: level, names.min_match: _MIN_MATCH}
            return self._zstd.compress(raw, options=options)

        def decompress(self, frame: "Buffer", raw_size: int) -> bytes:
            decompressor = self._zstd.ZstdDecompressor()
            try:
                # One byte more than expected, so that the end of the frame is reached and seen.
                raw = decompressor.decompress(frame, max_length=raw_size + 1)
            except self._zstd.ZstdError as error:
                raise ZstdError(str(error)) from None
            if len(raw) != raw_size or not decompressor.eof or decompressor.unused_data:
                raise ZstdError(f"the frame does not hold exactly {raw_size} bytes")
            return raw


def _loaded_codec() -> "Codec":
    global _codec
    if _codec is None:
        # Two threads may both load: they get the same module, and either adapter will do.
        _codec = _load_codec()
    return _codec


def _load_codec() -> "Codec":
    try:
        extension = _load_extension()
    except (ImportError, AttributeError, OSError):
        # No CPython, other internals, an unusual path entry: the package knows how to cope.
        extension = None
    if extension is not None:
        return _Zstandard(extension)
    try:
        import zstandard
    except ImportError:
        if sys.version_info >= (3, 14):
            return _Stdlib()
        raise
    return _Zstandard(zstandard)


def _load_extension() -> "ModuleType | None":
    """zstandard.backend_c without its package; None where the package is not a plain directory."""
    # Private names, but importlib itself gets them from here, and importlib.machinery, their
    # public place, takes 0.8 ms to import.
    import _imp
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

    name = "zstandard.backend_c"
    if name in sys.modules:
        return sys.modules[name]
    for entry in sys.path:
        package = os.path.join(entry, "zstandard")
        if not os.path.isfile(os.path.join(package, "__init__.py")):
            continue
        for suffix in _imp.extension_suffixes():
            path = os.path.join(package, "backend_c" + suffix)
            if os.path.isfile(path):
                loader = ExtensionFileLoader(name, path)
                module = loader.create_module(ModuleSpec(name, loader, origin=path))
                loader.exec_module(module)
                # Loading has listed it, without its package: whoever imports zstandard later
                # would get a package that lacks this attribute.
                sys.modules.pop(name, None)
                return module
        return None
    return None
