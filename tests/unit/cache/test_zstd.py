"""The zstd adapter: exact sizes, hostile frames, and how it is loaded."""

import subprocess
import sys

import pytest
import zstandard

from cachewasm.cache import zstd

RAW = bytes(range(256)) * 40


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65535, 65536, 65792, 1 << 20])
def test_zstd_round_trip_at_each_width_of_the_size_field(size: int) -> None:
    raw = RAW[: min(size, 256)] * (size // 256 + 1)
    raw = raw[:size]
    assert zstd.decompress(zstd.compress(raw), size) == raw


@pytest.mark.parametrize("level", [1, 3, 19, 22])
def test_zstd_every_level_is_readable(level: int) -> None:
    assert zstd.decompress(zstd.compress(RAW, level), len(RAW)) == RAW


def test_zstd_compress_is_deterministic() -> None:
    assert zstd.compress(RAW) == zstd.compress(RAW)


def test_zstd_frames_are_those_of_the_package() -> None:
    assert zstandard.ZstdDecompressor().decompress(zstd.compress(RAW)) == RAW


def test_zstd_decompress_takes_a_memoryview() -> None:
    assert zstd.decompress(memoryview(zstd.compress(RAW)), len(RAW)) == RAW


@pytest.mark.parametrize("size", [0, 1, len(RAW) - 1, len(RAW) + 1, 1 << 62])
def test_zstd_decompress_other_declared_size_is_refused(size: int) -> None:
    with pytest.raises(zstd.ZstdError, match=rf"declares {len(RAW)} bytes"):
        zstd.decompress(zstd.compress(RAW), size)


def test_zstd_decompress_frame_that_holds_less_than_it_declares_is_refused() -> None:
    frame = bytearray(zstd.compress(b"wasm"))
    frame[5] = 5
    with pytest.raises(zstd.ZstdError):
        zstd.decompress(bytes(frame), 5)


def test_zstd_decompress_frame_that_holds_more_than_it_declares_is_refused() -> None:
    frame = bytearray(zstd.compress(b"wasm"))
    frame[5] = 3
    with pytest.raises(zstd.ZstdError):
        zstd.decompress(bytes(frame), 3)


def test_zstd_decompress_frame_without_a_size_is_refused() -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    with pytest.raises(zstd.ZstdError, match="does not declare"):
        zstd.decompress(compressor.compress(RAW), len(RAW))


def test_zstd_decompress_frame_with_a_dictionary_is_refused() -> None:
    trained = zstandard.ZstdCompressionDict(
        zstandard.train_dictionary(1024, [RAW[i : i + 99] for i in range(2000)]).as_bytes()
    )
    frame = zstandard.ZstdCompressor(dict_data=trained).compress(RAW)
    with pytest.raises(zstd.ZstdError, match="dictionary"):
        zstd.decompress(frame, len(RAW))


def test_zstd_decompress_huge_window_is_refused() -> None:
    # Four bytes of content size, window descriptor of 2 GiB, an empty last block.
    frame = zstd.MAGIC + bytes([0x80, 21 << 3]) + (4).to_bytes(4, "little") + b"\x01\x00\x00"
    with pytest.raises(zstd.ZstdError, match="window"):
        zstd.decompress(frame, 4)


def test_zstd_decompress_reserved_bit_is_refused() -> None:
    frame = bytearray(zstd.compress(RAW))
    frame[4] |= 0x08
    with pytest.raises(zstd.ZstdError, match="reserved"):
        zstd.decompress(bytes(frame), len(RAW))


def test_zstd_decompress_trailing_bytes_are_refused() -> None:
    for tail in (b"\0", zstd.compress(RAW)):
        with pytest.raises(zstd.ZstdError):
            zstd.decompress(zstd.compress(RAW) + tail, len(RAW))


def test_zstd_decompress_empty_content_is_refused() -> None:
    with pytest.raises(zstd.ZstdError, match="empty"):
        zstd.decompress(zstd.compress(b""), 0)


def test_zstd_decompress_every_truncation_is_refused() -> None:
    frame = zstd.compress(RAW)
    for size in range(len(frame)):
        with pytest.raises(zstd.ZstdError):
            zstd.decompress(frame[:size], len(RAW))


def _output_of(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout


def test_zstd_first_use_does_not_import_the_package() -> None:
    script = (
        "import sys; from cachewasm.cache import zstd; assert zstd._codec is None;"
        "zstd.compress(b'x'); print('zstandard' in sys.modules, 'typing' in sys.modules)"
    )
    assert _output_of(script) == "False False\n"


def test_zstd_package_imported_afterwards_is_complete() -> None:
    script = (
        "from cachewasm.cache import zstd; f = zstd.compress(b'x' * 99); import zstandard;"
        "zstandard.backend_c; print(zstandard.decompress(f) == b'x' * 99)"
    )
    assert _output_of(script) == "True\n"


def test_zstd_package_imported_before_is_used() -> None:
    script = (
        "import zstandard; from cachewasm.cache import zstd;"
        "print(zstd.decompress(zstd.compress(b'x'), 1) == b'x')"
    )
    assert _output_of(script) == "True\n"


def test_zstd_package_in_no_plain_directory_is_imported() -> None:
    # An import hook finds the package although sys.path does not show it.
    script = (
        "import sys, importlib.machinery as m\n"
        "hidden = list(sys.path)\n"
        "class Hook:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return m.PathFinder.find_spec(name, path or hidden)\n"
        "from cachewasm.cache import zstd\n"
        "import cachewasm.errors\n"
        "sys.meta_path.append(Hook()); sys.path = [p for p in sys.path if 'site-' not in p]\n"
        "print(zstd.decompress(zstd.compress(b'x'), 1), 'zstandard' in sys.modules)\n"
    )
    assert _output_of(script) == "b'x' True\n"
