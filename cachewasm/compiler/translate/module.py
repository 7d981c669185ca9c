"""Translate a range of a module's functions to the text of one LLVM module.

A range is a shard: its borders do not change the code of its functions, which refer to the others
by symbol. Bodies are validated on the way, so whoever translates every function has validated all.
"""

from dataclasses import dataclass

from cachewasm.compiler.trampolines import trampolines
from cachewasm.compiler.translate.context import ModuleContext
from cachewasm.compiler.translate.function import FunctionTranslator
from cachewasm.compiler.translate.ir import module_text, raise_trap
from cachewasm.wasm.module import ValidModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment


@dataclass(frozen=True, slots=True)
class Translation:
    """The text of an LLVM module, and per function of the range its flags (abi.vmctx.FUNC_*)."""

    ir: str
    flags: bytes


def translate(
    module: ValidModule,
    env: "CompileEnvironment",
    funcs: range,
    *,
    with_trampolines: bool = False,
) -> Translation:
    """Validate and translate the defined functions `funcs`; function indices count imports first.

    `with_trampolines` adds those of all types of the module: one shard of a module has them.
    Raises the leaves of ModuleError, with module offsets.
    """
    context = ModuleContext(module, env)
    body: list[str] = []
    flags = bytearray()
    for funcidx in funcs:
        translator = FunctionTranslator(context, funcidx)
        body += translator.translate()
        flags.append(translator.flags)
    body += raise_trap()
    body += context.declarations(funcs)
    if with_trampolines:
        body += trampolines(module.module.types)
    metadata = context.debug.lines if context.debug else ()
    return Translation(module_text(env.target, body, metadata), bytes(flags))
