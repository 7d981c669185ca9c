"""Take modules out of scripts: a scan for balanced parentheses, which knows strings and comments."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import wasmtime

from cachewasm.errors import ModuleError, TextError, UnsupportedModule
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.text.parser import wat2wasm
from cachewasm.wasm.validate import validate, validate_bodies

_Seed = TypeVar("_Seed", str, bytes)

_LARGEST = 4000  # characters: large modules add time, not variety
# What may hold a parenthesis that is none, or is one.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|;;[^\n]*|\(;|;\)|[()]', re.DOTALL)
_HEAD = re.compile(r"\(\s*module\b(?!\s+(?:\$\S+\s+)?(?:quote|instance|definition)\b)")
_BINARY = re.compile(r"\(\s*module\s+(?:\$\S+\s+)?binary\b")


class Corpus(Generic[_Seed]):
    """Seeds by any number. Printed as their count: test reports show the arguments of tests."""

    def __init__(self, seeds: Iterable[_Seed]) -> None:
        self._seeds: tuple[_Seed, ...] = tuple(dict.fromkeys(seeds))

    def __getitem__(self, number: int) -> _Seed:
        return self._seeds[number % len(self._seeds)]

    def __len__(self) -> int:
        return len(self._seeds)

    def __iter__(self) -> Iterator[_Seed]:
        return iter(self._seeds)

    def __repr__(self) -> str:
        return f"<{len(self._seeds)} seeds>"


def module_texts(script: Path) -> Iterator[str]:
    """The module forms of a script, at whatever depth, except quoted ones."""
    text = script.read_text(encoding="utf-8", errors="replace")
    starts: list[int] = []
    in_comment = 0
    for token in _TOKEN.finditer(text):
        found = token.group()
        if found == "(;":
            in_comment += 1
        elif found == ";)":
            in_comment -= 1
        elif in_comment:
            continue
        elif found == "(":
            starts.append(token.start())
        elif found == ")" and starts:
            start = starts.pop()
            if token.end() - start <= _LARGEST and _HEAD.match(text, start):
                yield text[start : token.end()]


def _is_of_today(wasm: bytes) -> bool:
    """Whether a binary needs no feature that is not implemented: others are refused at once."""
    try:
        validate_bodies(validate(decode(wasm, features.IMPLEMENTED)))
    except UnsupportedModule:
        return False
    except ModuleError:
        pass
    return True


def _binary(text: str) -> bytes | None:
    """The binary of a text, valid or not; None if it is not well-formed, or not of today."""
    try:
        wasm = bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError:
        try:  # the oracle's parser does not know all that is implemented here
            wasm = wat2wasm(text)
        except (TextError, ModuleError):
            return None
    return wasm if _is_of_today(wasm) else None


def seeds_of(texts: Iterable[str]) -> tuple[Corpus[str], Corpus[bytes]]:
    """The texts that can be edited as such, and the binaries of all."""
    found = [(text, wasm) for text in texts if (wasm := _binary(text)) is not None]
    spelled_out = (text for text, _ in found if _BINARY.match(text) is None)
    return Corpus(spelled_out), Corpus(wasm for _, wasm in found)
