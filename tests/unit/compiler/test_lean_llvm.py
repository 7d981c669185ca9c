"""llvmlite imported with stand-ins compiles, and they are gone afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import cachewasm

CHECK = """
import sys
from cachewasm.compiler import lean_llvm
{before}
lean_llvm.import_llvmlite()
{after}
from cachewasm.compiler import codegen
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
ir = "define i32 @f(i32 %a) {{ ret i32 %a }}"
assert codegen.compile_ir(ir, from_config(Config()), "baseline").startswith(b"\\x7fELF")
import importlib.resources, platform, llvmlite.ir
assert platform.system() == "Linux"
assert importlib.resources.files("llvmlite").joinpath("ir").is_dir()
assert llvmlite.ir.IntType(32).width == 32
"""


def check(before: str = "", after: str = "") -> None:
    root = str(Path(cachewasm.__file__).parent.parent)
    subprocess.run(
        [sys.executable, "-W", "error", "-c", CHECK.format(before=before, after=after)],
        env={**os.environ, "PYTHONPATH": root},
        check=True,
    )


def test_import_brings_llvm_without_what_is_not_needed() -> None:
    check(
        after="assert 'llvmlite.binding' in sys.modules\n"
        "assert not {'tempfile', 'threading', 'llvmlite.binding.value'} & set(sys.modules)"
    )


def test_import_that_lacks_what_is_needed_is_left_to_others() -> None:
    check(
        before="lean_llvm._NEEDED += ('no_such_function',)",
        after="assert not [name for name in sys.modules if name.startswith('llvmlite')]",
    )


def test_import_that_fails_with_stand_ins_is_left_to_others() -> None:
    check(
        before="lean_llvm._Resource.__truediv__ = None",
        after="assert not [name for name in sys.modules if name.startswith('llvmlite')]",
    )


def test_import_after_somebody_needed_the_real_modules_changes_nothing() -> None:
    check(before="import platform", after="assert 'llvmlite' not in sys.modules")
