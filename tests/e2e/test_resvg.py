"""resvg, as an npm package compiles it from Rust, draws what it draws under PyPI wasmtime.

A renderer of vector graphics: an XML parser, path geometry in floating point, blending, and a PNG
encoder with its compressor. The imports are those of the package's glue code that drawing needs:
the drawing is handed in as a string, the picture comes out as a range of the memory.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

STRING_GET = "__wbindgen_string_get"
IS_BYTES = "__wbg_instanceof_Uint8Array_2b3bbecd033d19f6"
NEW_BYTES = "__wbg_newwithbyteoffsetandlength_aa4a17c33a06e5cb"
HANDLE = 1

DRAWING = """
<svg xmlns="http://www.w3.org/2000/svg" width="96" height="64" viewBox="0 0 96 64">
  <defs>
    <linearGradient id="sky" x2="0" y2="1">
      <stop offset="0" stop-color="#204080"/><stop offset="1" stop-color="#ffd0a0"/>
    </linearGradient>
    <radialGradient id="sun"><stop offset="0.2" stop-color="#fff"/>
      <stop offset="1" stop-color="#f80" stop-opacity="0"/></radialGradient>
    <clipPath id="hill"><path d="M0 64 L0 40 C20 20 50 60 96 36 L96 64 Z"/></clipPath>
    <filter id="soft"><feGaussianBlur stdDeviation="1.5"/></filter>
  </defs>
  <rect width="96" height="64" fill="url(#sky)"/>
  <circle cx="70" cy="18" r="14" fill="url(#sun)"/>
  <g clip-path="url(#hill)"><rect width="96" height="64" fill="#284"/>
    <ellipse cx="30" cy="52" rx="22" ry="7" fill="#163" filter="url(#soft)"/></g>
  <path d="M10 60 q20 -44 44 -12 t36 4" fill="none" stroke="#fff" stroke-width="2.5"
    stroke-dasharray="6 3" stroke-linecap="round" opacity="0.8"/>
  <use href="#none"/><g transform="rotate(20 48 32) scale(0.5)"><rect x="60" y="50" width="30"
    height="20" rx="6" fill="#c36" stroke="#000" stroke-opacity="0.5"/></g>
</svg>
"""


class _Renderer:
    """An instance with the glue that drawing needs; all else would be an error."""

    def __init__(self, package: ModuleType, engine: object, wasm: bytes) -> None:
        self._store = package.Store(engine)
        module = package.Module(engine, wasm)
        linker = package.Linker(engine)
        glue = {
            STRING_GET: self._string_get,
            IS_BYTES: lambda handle: 0,
            NEW_BYTES: self._new_bytes,
        }
        for needed in module.imports:
            function = glue.get(needed.name, self._other(bool(needed.type.results)))
            item = package.Func(self._store, needed.type, function)
            linker.define(self._store, needed.module, needed.name, item)
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self._memory = self._exports["memory"]
        self._bytes = b""

    def _call(self, name: str, *arguments: int) -> Any:
        return self._exports[name](self._store, *arguments)

    def _other(self, has_result: bool) -> Callable[..., int | None]:
        return lambda *_: HANDLE if has_result else None

    def _string_get(self, result: int, handle: int) -> None:
        text = DRAWING.strip().encode()
        address = self._call("__wbindgen_malloc", len(text), 1)
        self._memory.write(self._store, text, address)
        self._memory.write(self._store, struct.pack("<II", address, len(text)), result)

    def _new_bytes(self, buffer: int, address: int, length: int) -> int:
        self._bytes = bytes(self._memory.read(self._store, address, address + length))
        return HANDLE

    def _results(self, name: str, *arguments: int) -> int:
        """Call a function that returns a value or an error through memory."""
        address = self._call("__wbindgen_add_to_stack_pointer", -16)
        self._call(name, address, *arguments)
        value, error, failed = struct.unpack(
            "<III", self._memory.read(self._store, address, address + 12)
        )
        self._call("__wbindgen_add_to_stack_pointer", 16)
        assert not failed, f"{name} failed: {error}"
        return int(value)

    def draw(self) -> bytes:
        """The PNG of the drawing."""
        drawing = self._results("resvg_new", HANDLE, 0, 0, 0)
        self._results("renderedimage_asPng", self._results("resvg_render", drawing))
        return self._bytes


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_resvg_drawing_gives_the_oracles_picture(
    both: Callable[[str], Any], module_path: Callable[[str], Path], strategy: str
) -> None:
    wasm = module_path("resvg.wasm").read_bytes()
    ours, oracle = (_Renderer(package, engine, wasm).draw() for package, engine in both(strategy))
    assert oracle.startswith(b"\x89PNG")
    assert len(oracle) > 1000
    assert ours == oracle
