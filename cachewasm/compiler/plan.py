"""What is to be compiled: a module that has been read, its tier and its shards.

A plan is all that compiling a shard needs, and shards can be compiled in any order and anywhere:
equal binaries, environments and tiers make equal plans, and equal shards make equal code.
"""

import struct
from collections.abc import Sequence

from cachewasm.abi.vmctx import FUNC_BASELINE
from cachewasm.compiler import codegen
from cachewasm.compiler.codegen import BASELINE, OPTIMIZED
from cachewasm.compiler.linker.fragment import Fragment, decode, encode, make_fragment
from cachewasm.compiler.shards import Shard, cut, is_huge
from cachewasm.compiler.trampolines import representatives
from cachewasm.compiler.translate.module import translate, translate_trampolines
from cachewasm.errors import InternalError
from cachewasm.record import dataclass
from cachewasm.wasm.decode import decode as decode_module
from cachewasm.wasm.module import ValidModule
from cachewasm.wasm.validate import validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment

# Above this weight of all shards, in bytes of bodies, strategy "auto" prefers a short wait to fast
# code.
AUTO_OPTIMIZED_WEIGHT = 48_000

_COUNT = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Plan:
    """See the module's docstring. `trampolines_of` has, per type, the type whose trampolines it
    shares; `own_types` are the types that have their own. With `verify`, LLVM's verifier looks at all.
    """

    valid: ValidModule
    env: "CompileEnvironment"
    tier: str
    trampolines_of: Sequence[int]
    own_types: Sequence[int]
    shards: Sequence[Shard]
    verify: bool = False

    @property
    def functions(self) -> int:
        """How many functions the module defines."""
        return len(self.valid.module.funcs)

    def describe(self, shard: Shard) -> str:
        """What a shard holds, for a message."""
        indices = shard.indices
        if shard.is_types:
            return f"trampolines of {len(indices)} types"
        if len(indices) > 1:
            return f"functions {indices.start} to {indices.stop - 1}"
        name = self.valid.module.names.funcs.get(indices.start)
        return f"function {indices.start}" + (f" ({name})" if name else "")


@dataclass(frozen=True, slots=True)
class ShardCode:
    """A compiled shard: per function its flags (abi.vmctx.FUNC_*), and the fragment of an image."""

    flags: bytes
    fragment: Fragment

    def to_bytes(self) -> bytes:
        """The same as bytes, for a message."""
        return _COUNT.pack(len(self.flags)) + self.flags + encode(self.fragment)

    @classmethod
    def from_bytes(cls, data: bytes) -> "ShardCode":
        """The inverse of `to_bytes`. Raises InternalError."""
        if len(data) < _COUNT.size:
            raise InternalError("what should be a compiled shard is cut off")
        end = _COUNT.size + _COUNT.unpack_from(data)[0]
        return cls(data[_COUNT.size : end], decode(memoryview(data)[end:]))


def make_plan(
    wasm: bytes, env: "CompileEnvironment", strategy: str, *, verify: bool = False
) -> Plan:
    """Read a module in binary format. `strategy` is a tier or "auto".

    Raises the leaves of ModuleError for a module that is not acceptable; its bodies have not been
    looked at.
    """
    valid = validate(decode_module(wasm, env.features))
    module = valid.module
    trampolines_of = representatives(module.types)
    own_types = sorted(set(trampolines_of))
    shards = cut(module, [module.types[i] for i in own_types])
    tier = strategy
    if strategy == "auto":
        is_small = sum(shard.weight for shard in shards) <= AUTO_OPTIMIZED_WEIGHT
        tier = codegen.pipeline_of(env, OPTIMIZED) if is_small else BASELINE
    return Plan(valid, env, tier, trampolines_of, own_types, shards, verify)


def compile_shard(plan: Plan, shard: Shard) -> ShardCode:
    """Compile a shard.

    Raises the leaves of ModuleError for the first function that is not valid, CompileError and
    InternalError.
    """
    valid, env, tier = plan.valid, plan.env, plan.tier
    indices = shard.indices
    flags = b""
    if shard.is_types:
        own = plan.own_types[indices.start : indices.stop]
        ir = translate_trampolines(valid, env, own, first=indices.start == 0)
    else:
        is_quick = tier == OPTIMIZED and (
            codegen.pipeline_of(env, tier) == BASELINE or is_huge(valid.module.body(indices.start))
        )
        if is_quick:
            tier = BASELINE
        translation = translate(valid, env, indices, baseline=tier == BASELINE)
        ir, flags = translation.ir, translation.flags
        if is_quick:
            flags = bytes(each | FUNC_BASELINE for each in flags)
    return ShardCode(flags, make_fragment(codegen.compile_ir(ir, env, tier, verify=plan.verify)))
