"""`inspect`: what a file says of itself: a module, an artifact, a cache entry or an alias.

Which of them it is, its first bytes tell. Nothing is run, mapped or, but for an entry's digest,
checked beyond what reading needs.
"""

from argparse import Namespace

from blake3 import blake3

from cachewasm.abi.vmctx import FUNC_BASELINE
from cachewasm.artifact import format as elf
from cachewasm.artifact import names
from cachewasm.artifact.info import ModuleInfo
from cachewasm.artifact.reader import Artifact
from cachewasm.cache import alias, entry, manifest
from cachewasm.cache.reasons import EntryError
from cachewasm.cache.trust import SECRET_ID_SIZE
from cachewasm.engine import metadata
from cachewasm.engine.operator_cost import OperatorCost
from cachewasm.errors import IncompatibleArtifact
from cachewasm.runtime.module import binary_of
from cachewasm.wasm import decode as binary
from cachewasm.wasm.features import IMPLEMENTED, features_in
from cachewasm.wasm.module import Module, Tag
from cachewasm.wasm.reader import Reader
from cachewasm.wasm.types import (
    FUNC,
    KIND_NAMES,
    TAG,
    FuncType,
    GlobalType,
    MemoryType,
    TableType,
    TagType,
)

from . import exit_codes, text
from .entry import header_facts, manifest_facts
from .failure import Failure, about, printable
from .files import read

_SECTION_NAMES = {
    binary.CUSTOM_SECTION: "custom",
    binary.TYPE_SECTION: "type",
    binary.IMPORT_SECTION: "import",
    binary.FUNCTION_SECTION: "function",
    binary.TABLE_SECTION: "table",
    binary.MEMORY_SECTION: "memory",
    binary.GLOBAL_SECTION: "global",
    binary.EXPORT_SECTION: "export",
    binary.START_SECTION: "start",
    binary.ELEMENT_SECTION: "element",
    binary.CODE_SECTION: "code",
    binary.DATA_SECTION: "data",
    binary.DATA_COUNT_SECTION: "data count",
    binary.TAG_SECTION: "tag",
}
_ARTIFACT_KINDS = {
    elf.MODULE: "module",
    elf.COMPONENT: "component",
    elf.SUPPORT: "support image",
}
_MACHINES = {elf.MACHINE_X86_64: "x86-64", elf.MACHINE_AARCH64: "AArch64"}


def inspect(options: Namespace) -> int:
    """Print a report on `options.file`."""
    path: str = options.file
    with about(path):
        data = read(path)
        if data.startswith(entry.MAGIC):
            try:
                facts = entry_facts(data)
            except EntryError as error:
                raise Failure(f"{printable(path)}: not an intact cache entry: {error}") from None
        elif data.startswith(alias.MAGIC):
            try:
                facts = alias_facts(data)
            except EntryError as error:
                raise Failure(f"{printable(path)}: not an intact alias: {error}") from None
        elif data.startswith(elf.MAGIC):
            facts = artifact_facts(data)
        else:
            facts = module_facts(binary_of(data))
    print(text.as_json(facts) if options.json else text.layout(facts))
    return exit_codes.OK


def module_facts(data: bytes) -> dict[str, text.Fact]:
    """A module in binary elf. Raises ModuleError."""
    module = binary.decode(data, IMPLEMENTED)
    imported = [
        sum(item.kind == kind for item in module.imports) for kind in range(len(KIND_NAMES))
    ]
    return {
        "file": "module",
        "size": len(data),
        "name": module.names.module,
        "sections": _sections(data),
        "counts": {
            "types": len(module.types),
            "imports": len(module.imports),
            "functions": len(module.funcs),
            "imported_functions": imported[FUNC],
            "tables": len(module.tables),
            "memories": len(module.memories),
            "globals": len(module.globals),
            "tags": len(module.tags),
            "exports": len(module.exports),
            "element_segments": len(module.elements),
            "data_segments": len(module.data_segments),
        },
        "start": module.start,
        "types": [repr(type) for type in module.types],
        "imports": [
            {
                "module": item.module,
                "name": item.name,
                "kind": KIND_NAMES[item.kind],
                "type": _imported_type(module, item.type),
            }
            for item in module.imports
        ],
        "exports": [
            {
                "name": item.name,
                "kind": KIND_NAMES[item.kind],
                "index": item.index,
                "type": _type_of(module, item.kind, item.index),
            }
            for item in module.exports
        ],
    }


def _imported_type(module: Module, type: int | TableType | MemoryType | GlobalType | Tag) -> str:
    typeidx = type.typeidx if isinstance(type, Tag) else type
    if not isinstance(typeidx, int) or typeidx >= len(module.types):
        return repr(type)
    functype = module.types[typeidx]
    return repr(TagType(functype) if isinstance(type, Tag) else functype)


def _type_of(module: Module, kind: int, index: int) -> str | None:
    """The type of something in an index space; None for what an invalid module lacks."""
    if kind in (FUNC, TAG):
        typeidxs = module.func_typeidxs if kind == FUNC else module.tag_typeidxs
        known: tuple[object, ...] = module.types
        if kind == TAG:
            known = tuple(map(TagType, module.types))
        index = typeidxs[index] if index < len(typeidxs) else len(known)
    else:
        spaces = (module.table_types, module.memory_types, module.global_types)
        known = spaces[kind - 1] if kind <= len(spaces) else ()
    return repr(known[index]) if index < len(known) else None


def _sections(data: bytes) -> list[dict[str, text.Fact]]:
    """The sections in order; custom ones with their names. `data` has been decoded before."""
    reader = Reader(data, len(binary.MAGIC) + len(binary.VERSION), 0)
    found: list[dict[str, text.Fact]] = []
    while reader.pos < len(data):
        section = reader.byte()
        size = reader.length()
        start = reader.pos
        name = reader.name() if section == binary.CUSTOM_SECTION else None
        label = _SECTION_NAMES[section]
        found.append({"section": label, "name": name, "offset": start, "size": size})
        reader.pos = start + size
    return found


def artifact_facts(data: bytes) -> dict[str, text.Fact]:
    """An artifact. Raises IncompatibleArtifact."""
    artifact = Artifact(data)
    version, engine = metadata.decode(bytes(artifact.section(elf.ENGINE_SECTION)))
    facts: dict[str, text.Fact] = {
        "file": "artifact",
        "of": _ARTIFACT_KINDS[artifact.kind],
        "machine": _MACHINES[artifact.machine],
        "size": len(data),
        "engine": {
            "version": version,
            "target": engine.triple,
            "tier": engine.tier,
            "isa_flags": " ".join(engine.isa_flags),
            "features": " ".join(feature.name for feature in features_in(engine.features)),
            "compiler": engine.identity.hex(),
            "tunables": {
                name: getattr(engine.tunables, name) for name in engine.tunables.__slots__
            },
            "operator_cost": dict(OperatorCost.from_bytes(engine.operator_cost).changed),
            "shared_flags": dict(engine.flags.items),
        },
        "sections": [
            {"section": name, "offset": offset, "size": size}
            for name, (offset, size) in artifact.sections.items()
        ],
    }
    if artifact.kind == elf.MODULE:
        facts |= _info_facts(artifact)
    return facts


def _info_facts(artifact: Artifact) -> dict[str, text.Fact]:
    info = ModuleInfo(artifact.section(elf.INFO_SECTION))
    known = artifact.section(elf.NAMES_SECTION)
    types = [_function_type(info, typeidx) for typeidx in info.func_typeidx]
    tags = [TagType(_function_type(info, typeidx)) for typeidx in info.tag_typeidx]
    spaces = (types, info.tables, info.memories, info.globals, tags)
    try:
        exports = [
            {"name": name, "kind": KIND_NAMES[kind], "type": repr(spaces[kind][index])}
            for name, kind, index in info.exports
        ]
        imports = [
            {
                "module": module,
                "name": name,
                "kind": KIND_NAMES[kind],
                "type": repr(_import_type(info, kind, type)),
            }
            for module, name, kind, type in info.imports
        ]
    except IndexError:
        raise IncompatibleArtifact("module info is damaged") from None
    first = info.imported_funcs
    baseline = [first + i for i, flags in enumerate(info.func_flags) if flags & FUNC_BASELINE]
    return {
        "name": info.name,
        "imports": imports,
        "exports": exports,
        # Of an optimized artifact: what was too large for the optimized pipeline, or not to go there.
        "baseline_functions": {
            "count": len(baseline),
            "functions": [
                {"function": funcidx, "name": names.lookup(known, funcidx)} for funcidx in baseline
            ],
        },
        "functions": [
            {
                "function": first + i,
                "name": names.lookup(known, first + i),
                "type": repr(types[first + i]),
                "offset": info.code_ranges[2 * i],
                "size": info.code_ranges[2 * i + 1],
                "wasm_offset": start,
            }
            for i, start in enumerate(info.body_starts)
        ],
    }


def _import_type(info: ModuleInfo, kind: int, type: object) -> object:
    if not isinstance(type, int):
        return type
    return TagType(info.types[type]) if kind == TAG else info.types[type]


def _function_type(info: ModuleInfo, typeidx: int) -> FuncType:
    if typeidx >= len(info.types):
        raise IncompatibleArtifact("module info is damaged")
    return info.types[typeidx]


def entry_facts(data: bytes) -> dict[str, text.Fact]:
    """A cache entry: header and manifest. Raises EntryError."""
    header = entry.Header.from_bytes(data, len(data))
    pairs = manifest.decode(data[header.manifest_offset :][: header.manifest_size])
    end = header.entry_size
    digest = blake3(memoryview(data)[: end - entry.DIGEST_SIZE]).digest()
    return {
        "file": "cache entry",
        "intact": digest == data[end - entry.DIGEST_SIZE : end],
        "sealed_with": _secret_of(data[end:]),
        **header_facts(header),
        **manifest_facts(pairs),
    }


def alias_facts(data: bytes) -> dict[str, text.Fact]:
    """An alias. Raises EntryError."""
    record = alias.Alias.from_bytes(data)
    return {
        "file": "alias",
        "size": len(data),
        "sealed_with": _secret_of(data[alias.ALIAS_SIZE :]),
        "text_digest": record.key.text_digest.hex(),
        "encoder": record.key.encoder.hex(),
        "wasm_digest": record.wasm_digest.hex(),
    }


def _secret_of(seal: bytes) -> str | None:
    """The number of the secret that a seal claims, if there is one; it is not checked."""
    return seal[:SECRET_ID_SIZE].hex() if seal else None
