"""The support image from its text to an artifact. Equal environments give equal bytes."""

from functools import partial

from cachewasm.abi.support import OFFSETS, SYMBOLS
from cachewasm.artifact import format as elf_format
from cachewasm.artifact.writer import SectionBytes, SymbolEntry, write_artifact
from cachewasm.compiler import codegen
from cachewasm.compiler.codegen import BASELINE, OPTIMIZED
from cachewasm.compiler.linker.fragment import make_fragment
from cachewasm.compiler.linker.link import link
from cachewasm.compiler.runtime_library import compile_library
from cachewasm.compiler.support.assemble import support_ir
from cachewasm.engine import metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment


def compile_support(env: "CompileEnvironment") -> bytes:
    """The artifact of the support image for an environment's target. Raises InternalError."""
    hot, cold = support_ir(env.target.triple, env.target.cpu, env.target.llvm_features())
    fragments = [
        make_fragment(codegen.compile_ir(hot, env, OPTIMIZED)),
        make_fragment(codegen.compile_ir(cold, env, BASELINE)),
    ]
    image = link(fragments, partial(compile_library, env, OPTIMIZED))
    offsets = OFFSETS.pack(*(image.symbols[name].offset for name in SYMBOLS))
    sections = [
        SectionBytes(elf_format.ENGINE_SECTION, metadata.encode(env, OPTIMIZED)),
        SectionBytes(elf_format.INFO_SECTION, offsets),
    ]
    entries = [
        SymbolEntry(f"cachewasm::{name}", symbol.offset, symbol.size, symbol.is_func)
        for name, symbol in sorted(image.symbols.items(), key=lambda item: item[1].offset)
        if symbol.is_func
    ]
    return write_artifact(image.code, image.machine, elf_format.SUPPORT, sections, entries)
