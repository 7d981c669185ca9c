"""The IR that each .wat file here is translated to, whole, beside it in a .ll file.

A change of the translator shows what it does to the code. After looking at it, rewrite all files with
`CACHEWASM_UPDATE_GOLDEN=1 pytest tests/golden`. Nothing of this machine is in the environment, and
LLVM has no part in it. A first line `;; tunables: name=value ...` of a .wat file sets tunables, or
`;; features: name ...` adds features. The text is that of the baseline tier, but for files whose name ends with `_optimized`.
"""

import os
from pathlib import Path

import pytest

import cachewasm
from cachewasm.compiler.translate.module import translate
from cachewasm.engine.environment import DEFAULT_COST, CompileEnvironment
from cachewasm.engine.flags import DEFAULT_FLAGS
from cachewasm.engine.target import parse_target
from cachewasm.engine.tunables import choose
from cachewasm.wasm import features
from cachewasm.wasm.decode import decode
from cachewasm.wasm.validate import validate

FOLDER = Path(__file__).parent
SOURCES = sorted(FOLDER.glob("*.wat"))
UPDATE = os.environ.get("CACHEWASM_UPDATE_GOLDEN", "") not in ("", "0")

_TUNABLES = ";; tunables:"
_FEATURES = ";; features:"


def _environment(text: str) -> CompileEnvironment:
    first = text.partition("\n")[0]
    # Without places in the binary, which would be in every line.
    tunables = {"generate_address_map": 0, "wasm_backtrace": 0}
    if first.startswith(_TUNABLES):
        for setting in first.removeprefix(_TUNABLES).split():
            name, _, value = setting.partition("=")
            tunables[name] = int(value)
    return CompileEnvironment(
        target=parse_target("x86-64-v3"),
        flags=DEFAULT_FLAGS,
        tunables=choose(tunables, address_space_limited=False),
        operator_cost=DEFAULT_COST,
        features=_features(text),
        identity=bytes(32),
        module_version="",
    )


def _features(text: str) -> int:
    first = text.partition("\n")[0]
    added = first.removeprefix(_FEATURES).split() if first.startswith(_FEATURES) else []
    return features.DEFAULT | sum(features.BY_NAME[name].bit for name in added)


def _translated(text: str, *, baseline: bool) -> str:
    module = validate(decode(bytes(cachewasm.wat2wasm(text)), _features(text)))
    funcs = range(module.module.imported_funcs, len(module.module.func_typeidxs))
    ir = translate(module, _environment(text), funcs, baseline=baseline).ir
    return ir.rstrip("\n") + "\n"


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
def test_translate_golden_module_gives_the_expected_ir(source: Path) -> None:
    baseline = not source.stem.endswith("_optimized")
    ir = _translated(source.read_text(encoding="utf-8"), baseline=baseline)
    golden = source.with_suffix(".ll")
    if UPDATE:
        golden.write_text(ir, encoding="utf-8")
    assert ir == golden.read_text(encoding="utf-8")


def test_golden_files_each_have_their_module() -> None:
    assert SOURCES
    assert {path.stem for path in FOLDER.glob("*.ll")} == {path.stem for path in SOURCES}
