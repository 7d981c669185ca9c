"""From compiled shards to an artifact.

    plan.py: decode, validate, cut into shards -> per shard: translate, LLVM -> here: link -> write

Everything that may change the result is in the arguments: no environment variable, clock, working
directory or global is read below this point. Equal arguments give equal bytes.
"""

from itertools import accumulate

from cachewasm.abi import symbols
from cachewasm.artifact import addrmap, digest, lines, names
from cachewasm.artifact import format as elf_format
from cachewasm.artifact.info_writer import (
    CodeLayout,
    CodeRange,
    Trampolines,
    encode_info,
)
from cachewasm.artifact.writer import SectionBytes, SymbolEntry, write_artifact
from cachewasm.compiler.linker.fragment import Fragment
from cachewasm.compiler.linker.link import LinkedImage, link
from cachewasm.compiler.memory_images import PlacedData, place_data
from cachewasm.compiler.plan import Plan, ShardCode
from cachewasm.compiler.translate.context import escapes
from cachewasm.engine import metadata
from cachewasm.record import dataclass
from cachewasm.wasm.module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Compiled:
    """An artifact, the tier that it was compiled with, and the module's name if it has one."""

    artifact: bytes
    tier: str
    module_name: str | None


def assemble(
    plan: Plan, codes: list[ShardCode], library: "Callable[[Sequence[str]], Fragment]"
) -> Compiled:
    """Link the code of all shards, in their order, and write the artifact.

    `codes` is emptied on the way, since it may be most of what the process holds. `library` is
    runtime_library.py's for the plan, wherever that runs. Raises CompileError, InternalError.
    """
    module, env, tier = plan.valid.module, plan.env, plan.tier
    flags = b"".join(code.flags for code in codes)
    fragments = [code.fragment for code in codes]
    codes.clear()
    image = link(fragments, library)
    del fragments
    page = elf_format.TEXT_ALIGN[image.machine]
    layout, data = _layout(plan, flags, image, page)
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
        sections.append(SectionBytes(elf_format.DATA_SECTION, data, page))
    entries = _symbol_table(module, image) if env.tunables.debug_symbols else []
    if env.tunables.debug_info:
        sections += _debug_sections(image, entries, module.names.module)
    elf = write_artifact(
        image.code,
        image.machine,
        elf_format.MODULE,
        sections,
        entries,
        is_marked=env.tunables.branch_protection,
    )
    return Compiled(digest.seal(elf), tier, module.names.module)


def _symbol_table(module: Module, image: LinkedImage) -> list[SymbolEntry]:
    """Every function of the image, under the name that debuggers show; in order."""
    shown = {
        symbols.function(funcidx): symbols.display(funcidx, module.names.funcs.get(funcidx))
        for funcidx in range(module.imported_funcs, len(module.func_typeidxs))
    }
    entries = [
        SymbolEntry(
            shown.get(name) or symbols.display_trampoline(name), symbol.offset, symbol.size, True
        )
        for name, symbol in image.symbols.items()
        if symbol.is_func
    ]
    entries.sort(key=lambda entry: entry.offset)
    return entries


def _debug_sections(
    image: LinkedImage, functions: "Sequence[SymbolEntry]", module_name: str | None
) -> list[SectionBytes]:
    found = lines.encode(
        image.code_offsets, image.wasm_offsets, functions, len(image.text), module_name or "module"
    )
    return [SectionBytes(name, body, 1) for name, body in found.items()]


def _layout(plan: Plan, flags: bytes, image: LinkedImage, page: int) -> tuple[CodeLayout, bytes]:
    """Where everything of the module lies in the image, and the section with its data."""
    module = plan.valid.module
    functions = []
    for i in range(len(module.funcs)):
        symbol = image.symbols[symbols.function(module.imported_funcs + i)]
        functions.append(CodeRange(symbol.offset, symbol.size))
    trampolines = [
        Trampolines(
            image.symbols[symbols.thunk(i)].offset, image.symbols[symbols.host_stub(i)].offset
        )
        for i in plan.trampolines_of
    ]
    tunables = plan.env.tunables
    dense_size = tunables.memory_guaranteed_dense_image_size
    placed = place_data(module, page, dense_size) if tunables.memory_init_cow else None
    if placed is None:
        placed = _joined(module)
    layout = CodeLayout(
        functions=functions,
        func_flags=flags,
        trampolines=trampolines,
        escapes=frozenset(escapes(plan.valid)),
        data=placed.starts,
        images=placed.images,
    )
    return layout, placed.section


def _joined(module: Module) -> PlacedData:
    """The data segments one behind the other."""
    binary = memoryview(module.data)
    data = [binary[each.start : each.start + each.size] for each in module.data_segments]
    starts = accumulate(map(len, data[:-1]), initial=0) if data else ()
    return PlacedData(b"".join(data), list(starts), ())
