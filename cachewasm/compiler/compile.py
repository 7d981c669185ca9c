"""Compile a module, or the support image, to an artifact: the stages in their order.

    decode -> validate -> translate -> LLVM -> link -> write

Everything that may change the result is in the arguments: no environment variable, clock, working
directory or global is read below this point. Equal arguments give equal bytes.
"""

from dataclasses import dataclass
from itertools import islice

from cachewasm.abi import symbols
from cachewasm.abi.support import OFFSETS, SYMBOLS
from cachewasm.artifact import addrmap, digest, names
from cachewasm.artifact import format as elf_format
from cachewasm.artifact.info_writer import (
    CodeLayout,
    CodeRange,
    DataRange,
    Trampolines,
    encode_info,
)
from cachewasm.artifact.writer import CodeImage, SectionBytes, SymbolEntry, write_artifact
from cachewasm.compiler import codegen
from cachewasm.compiler.codegen import BASELINE, OPTIMIZED
from cachewasm.compiler.link import LinkedImage, UndefinedSymbols, link
from cachewasm.compiler.runtime_library import runtime_library_ir
from cachewasm.compiler.support.assemble import support_ir
from cachewasm.compiler.translate.context import escapes
from cachewasm.compiler.translate.module import Translation, translate
from cachewasm.engine import metadata
from cachewasm.wasm.body import instructions, read_locals
from cachewasm.wasm.decode import decode
from cachewasm.wasm.module import Module
from cachewasm.wasm.validate import validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cachewasm.engine.environment import CompileEnvironment

# Above this many instructions, strategy "auto" prefers a short wait to fast code.
AUTO_OPTIMIZED_INSTRUCTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Compiled:
    """An artifact, the tier that it was compiled with, and the module's name if it has one."""

    artifact: bytes
    tier: str
    module_name: str | None


def compile_module(wasm: bytes, env: "CompileEnvironment", strategy: str) -> Compiled:
    """Compile a module in binary elf_format. `strategy` is a tier or "auto".

    Raises the leaves of ModuleError for a module that is not acceptable, CompileError and
    InternalError if a stage fails on one that is.
    """
    valid = validate(decode(wasm, env.features))
    module = valid.module
    tier = _tier_for(module) if strategy == "auto" else strategy
    first = module.imported_funcs
    funcs = range(first, first + len(module.funcs))
    translation = translate(valid, env, funcs, with_trampolines=True)
    image = _link([codegen.compile_ir(translation.ir, env, tier)], env, tier)
    layout, data = _layout(module, translation, image, frozenset(escapes(valid)))
    sections = [
        SectionBytes(elf_format.ENGINE_SECTION, metadata.encode(env, tier)),
        SectionBytes(elf_format.DIGEST_SECTION, bytes(digest.SIZE)),
        SectionBytes(elf_format.INFO_SECTION, encode_info(module, layout)),
        SectionBytes(elf_format.NAMES_SECTION, names.encode(module.names.funcs)),
    ]
    if env.tunables.generate_address_map:
        rows = addrmap.encode(image.code_offsets, image.wasm_offsets)
        sections.append(SectionBytes(elf_format.ADDRMAP_SECTION, rows))
    if data:
        sections.append(SectionBytes(elf_format.DATA_SECTION, data))
    entries = [
        SymbolEntry(
            symbols.display(funcidx, module.names.funcs.get(funcidx)), code.offset, code.size, True
        )
        for funcidx, code in zip(funcs, layout.functions, strict=True)
    ]
    elf = write_artifact(_code_image(image), image.machine, elf_format.MODULE, sections, entries)
    return Compiled(digest.seal(elf), tier, module.names.module)


def compile_support(env: "CompileEnvironment") -> Compiled:
    """Compile the support image for an environment's target."""
    ir = support_ir(env.target.triple, env.target.cpu, env.target.llvm_features())
    image = _link([codegen.compile_ir(ir, env, OPTIMIZED)], env, OPTIMIZED)
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
    elf = write_artifact(_code_image(image), image.machine, elf_format.SUPPORT, sections, entries)
    return Compiled(elf, OPTIMIZED, None)


def _tier_for(module: Module) -> str:
    count = sum(1 for _ in islice(_instructions(module), AUTO_OPTIMIZED_INSTRUCTIONS + 1))
    return OPTIMIZED if count <= AUTO_OPTIMIZED_INSTRUCTIONS else BASELINE


def _instructions(module: Module) -> "Iterator[object]":
    for body in module.code:
        _, position = read_locals(module.data, body.start, body.end, module.features)
        yield from instructions(module.data, position, body.end, module.features)


def _link(objects: list[bytes], env: "CompileEnvironment", tier: str) -> LinkedImage:
    """Link, with the runtime library's functions that LLVM turns out to call."""
    try:
        return link(objects)
    except UndefinedSymbols as missing:
        library = runtime_library_ir(missing.names, env.target)
        return link([*objects, codegen.compile_ir(library, env, tier)])


def _layout(
    module: Module, translation: Translation, image: LinkedImage, referenced: frozenset[int]
) -> tuple[CodeLayout, bytes]:
    """Where everything of the module lies in the image, and the bytes of its data segments."""
    functions = []
    for i in range(len(module.funcs)):
        symbol = image.symbols[symbols.function(module.imported_funcs + i)]
        functions.append(CodeRange(symbol.offset, symbol.size))
    trampolines = [
        Trampolines(
            image.symbols[symbols.thunk(i)].offset, image.symbols[symbols.host_stub(i)].offset
        )
        for i in range(len(module.types))
    ]
    data = bytearray()
    ranges = []
    for segment in module.data_segments:
        ranges.append(DataRange(len(data), segment.size))
        data += module.data[segment.start : segment.start + segment.size]
    layout = CodeLayout(
        functions=functions,
        func_flags=translation.flags,
        trampolines=trampolines,
        escapes=referenced,
        data=ranges,
    )
    return layout, bytes(data)


def _code_image(image: LinkedImage) -> CodeImage:
    return CodeImage(
        image.text, image.rodata, image.rodata_offset, image.bss_offset, image.bss_size
    )
