"""LLVM: IR text in, ELF object out.

Two tiers, chosen by measurement: `baseline` runs SROA, which turns the translator's allocas into
registers, and LLVM's quickest code generator; `optimized` adds the two cheap passes and the one
code generation level that reach the best run time. More passes cost compile time and gain nothing,
because producers of wasm have optimized already.

LLVM's options are global to a process and its internal errors abort it, so this module runs in a
worker process. Equal inputs give equal bytes.
"""

import llvmlite.binding as llvm

from cachewasm.engine.flags import DEFAULT_FLAGS
from cachewasm.errors import CompileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.engine.environment import CompileEnvironment
    from cachewasm.engine.target import Target

BASELINE = "baseline"
OPTIMIZED = "optimized"
TIERS = (BASELINE, OPTIMIZED)

_LEVELS = {tier: DEFAULT_FLAGS[f"{tier}_opt_level"] for tier in TIERS}
_initialized = False


def compile_ir(ir: str, env: "CompileEnvironment", tier: str, *, verify: bool = False) -> bytes:
    """The relocatable object for a module of IR text.

    `verify` also runs LLVM's verifier, which costs more than parsing: tests ask for it. Raises
    CompileError if LLVM rejects the text.
    """
    machine = _machine(env.target, tier)
    try:
        module = llvm.parse_assembly(ir)
        if verify:
            module.verify()
        with module:
            _run_passes(module, machine, tier)
            return bytes(machine.emit_object(module))
    except RuntimeError as error:
        raise CompileError(f"LLVM rejected the code of this module: {error}") from error


def _initialize() -> None:
    global _initialized
    if not _initialized:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        # At level 0 GlobalISel, the default on AArch64, is 1.4 to 1.8 times slower than FastISel.
        llvm.set_option("cachewasm", "-global-isel=0")
        _initialized = True


def _machine(target: "Target", tier: str) -> llvm.TargetMachine:
    _initialize()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu,
        features=target.llvm_features(),
        opt=_LEVELS[tier],
        reloc="pic",
        codemodel="small",
    )


def _run_passes(module: llvm.ModuleRef, machine: llvm.TargetMachine, tier: str) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=_LEVELS[tier])
    builder = llvm.create_pass_builder(machine, options)
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    if tier == OPTIMIZED:
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, builder)
