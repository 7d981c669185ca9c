"""Every module of the official scripts that decodes, printed and parsed back, is the same module."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import groupby

import pytest

from cachewasm.errors import ModuleError, TextError
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, LocalGroup
from cachewasm.wasm.text.commands import BinaryModule, ModuleForm, TextModule
from cachewasm.wasm.text.parser import wat2wasm
from cachewasm.wasm.text.printer import wasm2wat
from cachewasm.wasm.text.wast import parse_script
from tests.spec.test_scripts import FOLDER, SCRIPTS


def _modules(part: object) -> Iterator[ModuleForm]:
    """The modules in a script's command or a part of one, but for those in quotes."""
    if isinstance(part, TextModule | BinaryModule):
        yield part
    elif is_dataclass(part):
        for field in fields(part):
            yield from _modules(getattr(part, field.name))


def _canonical(binary: bytes) -> bytes:
    """The binary as our encoder makes it, without what has no text of its own."""
    source = ModuleSource.from_module(decode(binary, features.DEFAULT))
    bodies = tuple(FunctionBody(_merged(body), body.instructions) for body in source.bodies)
    return encode(replace(source, bodies=bodies, has_data_count=False, customs=()))


def _merged(body: FunctionBody) -> tuple[LocalGroup, ...]:
    """The locals in as few groups as possible."""
    groups = groupby((group for group in body.locals if group.count), lambda group: group.type)
    return tuple(LocalGroup(sum(g.count for g in same), type) for type, same in groups)


@pytest.mark.parametrize("name", SCRIPTS)
def test_printer_modules_of_a_script_parse_back(name: str) -> None:
    script = parse_script((FOLDER / f"{name}.wast").read_bytes())
    for command in script.commands:
        for module in _modules(command.order):
            try:
                binary = script.binary(module)
                expected = _canonical(binary)
            except (ModuleError, TextError):
                continue  # malformed, or of a later proposal
            printed = wasm2wat(binary, features.DEFAULT)
            assert _canonical(wat2wasm(printed)) == expected, printed
