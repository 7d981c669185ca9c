"""Translate a range of a module's functions to the text of one LLVM module.

A range is a shard: its borders do not change the code of its functions, which refer to the others
by symbol. Bodies are validated on the way, so whoever translates every function has validated all.
"""

from collections.abc import Sequence

from cachewasm.compiler.trampolines import trampolines
from cachewasm.compiler.translate import exception
from cachewasm.compiler.translate.context import ModuleContext, is_for_size
from cachewasm.compiler.translate.function import FunctionTranslator
from cachewasm.compiler.translate.ir import (
    THROWS,
    declare_fill_table,
    declare_raise_trap,
    fill_table,
    module_text,
    raise_trap,
)
from cachewasm.engine.isa import AARCH64
from cachewasm.record import dataclass
from cachewasm.wasm.features import EXCEPTIONS
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
    module: ValidModule, env: "CompileEnvironment", funcs: range, *, baseline: bool = False
) -> Translation:
    """Validate and translate the defined functions `funcs`; function indices count imports first.

    With `baseline` the text is for that tier's pipeline alone, which is then quicker; else for any.
    Raises the leaves of ModuleError, with module offsets.
    """
    context = ModuleContext(module, env, baseline=baseline)
    body: list[str] = []
    flags = bytearray()
    for funcidx in funcs:
        translator = FunctionTranslator(context, funcidx)
        body += translator.translate()
        flags.append(translator.flags)
    # Before the bodies: what LLVM meets before its definition it has to replace later.
    declarations = [declare_raise_trap(), *context.declarations(funcs)]
    if context.lazy_tables:
        declarations.append(declare_fill_table(baseline=baseline))
    throws = context.code == THROWS
    if throws:
        declarations += exception.declarations()
    header = context.header()
    ir = module_text(
        env.target,
        declarations + body,
        header,
        for_size=context.is_for_size,
        branch_protection=env.tunables.branch_protection,
        throws=throws,
        unwind_info=_has_unwind_info(env),
    )
    return Translation(ir, bytes(flags))


def translate_trampolines(
    module: ValidModule, env: "CompileEnvironment", typeidxs: Sequence[int], *, first: bool
) -> str:
    """The text of the trampolines of some types, each of which is its own representative.

    The `first` such text of a module also has what all its functions share.
    """
    shared = raise_trap() if first else []
    if first and env.tunables.table_lazy_init:
        shared += fill_table()
    throws = first and bool(env.features & EXCEPTIONS)
    if throws:
        shared += exception.definitions()
    return module_text(
        env.target,
        [*shared, *trampolines(module.module.types, typeidxs)],
        for_size=is_for_size(env),
        branch_protection=env.tunables.branch_protection,
        throws=throws,
        unwind_info=_has_unwind_info(env),
    )


def _has_unwind_info(env: "CompileEnvironment") -> bool:
    # A debugger finds a caller's frame by how a function begins, which on AArch64 it cannot read:
    # there LLVM sets the frame pointer after loads and moves of the body.
    tunables = env.tunables
    is_debugged = tunables.debug_info and env.target.arch == AARCH64
    return tunables.native_unwind_info or is_debugged
