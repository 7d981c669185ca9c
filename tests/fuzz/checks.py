"""What must hold of any bytes and any text; the tests and the long run check the same.

Each check raises AssertionError, or lets through an exception that is none of ours.
"""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby

import wasmtime

from cachewasm.compiler.translate.module import translate
from cachewasm.engine.config import Config
from cachewasm.engine.environment import CompileEnvironment
from cachewasm.errors import InvalidModule, ModuleError, TextError, UnsupportedModule
from cachewasm.runtime.engine import Engine
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.encode import ModuleSource, encode
from cachewasm.wasm.encode_body import FunctionBody, LocalGroup, decode_body
from cachewasm.wasm.module import Names, ValidModule
from cachewasm.wasm.text.parser import parse_module
from cachewasm.wasm.validate import validate, validate_bodies

# What decoding a seed of a few kilobytes may allocate at its peak, whatever its counts say.
MEMORY = 4 << 20

# What this engine does not implement, and the oracle not for this comparison.
_OFF = (
    *("tail_call", "memory64", "threads", "gc", "function_references"),
    *("wide_arithmetic", "stack_switching", "custom_page_sizes"),
)
# Initial values may refer to the module's own globals since 3.0; the oracle ties that to GC.
_OF_GC = "global.get of locally defined global"
# The oracle reads a proposed short form of imports, of which this kind is a mark.
_SHORT_IMPORTS = "malformed import kind 0x7f"
# What the oracle judges; it does not know the legacy instructions.
_COMPARED = features.IMPLEMENTED & ~features.LEGACY_EXCEPTIONS
_EMPTY = encode(ModuleSource())


@cache
def _oracle() -> wasmtime.Engine:
    config = wasmtime.Config()
    for name in _OFF:
        if hasattr(wasmtime.Config, f"wasm_{name}"):
            setattr(config, f"wasm_{name}", False)
    config.wasm_exceptions = True
    return wasmtime.Engine(config)


@cache
def _environment() -> CompileEnvironment:
    config = Config()
    config.cache = False
    config.wasm_exceptions = config.wasm_legacy_exceptions = True
    return Engine(config)._environment


def _oracle_says(wasm: bytes) -> str | None:
    try:
        wasmtime.Module.validate(_oracle(), wasm)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return None


def check_decoder(wasm: bytes) -> None:
    """Decode within MEMORY; what decodes must also survive being encoded and decoded again."""
    tracemalloc.start()
    try:
        module = decode(wasm, features.IMPLEMENTED)
        peak = tracemalloc.get_traced_memory()[1]
        source = ModuleSource.from_module(module)
    except ModuleError:
        peak = tracemalloc.get_traced_memory()[1]
    else:
        again = decode(encode(source), features.IMPLEMENTED)
        assert ModuleSource.from_module(again) == source
    finally:
        tracemalloc.stop()
    assert peak < MEMORY


def check_validator(wasm: bytes) -> None:
    """Validate and translate; compare the verdict with the oracle's."""
    try:
        valid = validate(decode(wasm, _COMPARED))
        validate_bodies(valid)
    except UnsupportedModule:
        _check_alone(wasm)
        return
    except ModuleError as error:
        if _oracle_says(wasm) is None and _SHORT_IMPORTS not in error.message:
            raise AssertionError(f"refused here alone: {error}: {wasm.hex()}") from None
        return
    refused = _oracle_says(wasm)
    if refused is not None and _OF_GC not in refused:
        raise AssertionError(f"accepted here alone: {refused}: {wasm.hex()}")
    _translate(valid)


def _check_alone(wasm: bytes) -> None:
    """What the oracle cannot judge is refused or translated."""
    try:
        valid = validate(decode(wasm, features.IMPLEMENTED))
        validate_bodies(valid)
    except ModuleError:
        return
    _translate(valid)


def _translate(valid: ValidModule) -> None:
    first = valid.module.imported_funcs
    funcs = range(first, first + len(valid.module.funcs))
    translate(valid, _environment(), funcs)


def check_text(text: str) -> None:
    """Parse; what is accepted must be accepted by the oracle, with the same meaning, and as valid.

    The converse does not hold: the oracle knows more proposals, and is lenient where the grammar is
    not (a plain instruction among folded operands, a sign before an index).
    """
    try:
        wasm = encode(parse_module(text))
    except (TextError, UnsupportedModule, InvalidModule):
        return
    if wasm == _EMPTY:
        return  # an empty text is a module by the grammar, and none to the oracle
    try:
        for _ in _bodies(wasm):
            pass
    except UnsupportedModule:
        _check_alone(wasm)
        return
    except ModuleError:
        pass  # that is for the validator to say
    try:
        oracle = bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as error:
        raise AssertionError(f"accepted here alone: {error}\n{text}") from None
    if _meaning(wasm) != _meaning(oracle):
        raise AssertionError(f"another module than the oracle's: {wasm.hex()}\n{text}")
    check_validator(wasm)


def _bodies(wasm: bytes) -> Iterator[FunctionBody]:
    """The bodies, under what the oracle knows; raises ModuleError."""
    module = decode(wasm, _COMPARED)
    for body in module.code:
        yield decode_body(module, body)


def _meaning(wasm: bytes) -> ModuleSource:
    source = ModuleSource.from_module(decode(wasm, features.IMPLEMENTED))
    bodies = tuple(_grouped(body) for body in source.bodies)
    return replace(source, bodies=bodies, names=Names(), customs=(), has_data_count=False)


def _grouped(body: FunctionBody) -> FunctionBody:
    """The body with its locals in the fewest groups."""
    runs = groupby((group for group in body.locals if group.count), key=lambda group: group.type)
    groups = [LocalGroup(sum(group.count for group in run), valtype) for valtype, run in runs]
    return FunctionBody(tuple(groups), body.instructions)
