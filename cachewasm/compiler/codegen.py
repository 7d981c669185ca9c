"""LLVM: IR text in, ELF object out.

Two tiers, chosen by measurement (RATIONALE.md): `baseline` is LLVM's quickest code generator and no
pass at all; `optimized` runs three cheap passes and a code generator without those of its own
passes whose time buys nothing here. Producers of wasm have optimized already. The opt level `none`
gives the optimized tier the baseline tier's pipeline, `speed_and_size` its own, to which each function
says that its size counts (translate/ir.py).

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

# LLVM's options, for the whole process.
_OPTIONS = (
    # FastISel in every tier: half the time of SelectionDAG, and code as good from what wasm becomes.
    # GlobalISel, the default of level 0 on AArch64, is 1.4 to 1.8 times slower than it.
    "-fast-isel",
    "-global-isel=0",
    # Left out of level 1: measured to cost time and to gain none.
    "-disable-lsr",
    "-disable-cgp",
    # A `select` of wasm is one because its producer did not want a branch.
    "-x86-cmov-converter=0",
    # Rows of the line table for what has no place would double it, and nobody asks for their pcs.
    "-use-unknown-locations=Disable",
    # Makes one of several equal traps, with the place of none.
    "-enable-tail-merge=0",
    # What makes the code of a function depend on the others of its module.
    "-aarch64-enable-compress-jump-tables=0",
    "-aarch64-enable-atomic-cfg-tidy=0",
    "-aarch64-enable-promote-const=0",
    # Reading text runs the whole verifier if there is debug metadata, which may be of an old format.
    "-disable-auto-upgrade-debug-info",
)
_LEVELS = {tier: DEFAULT_FLAGS[f"{tier}_opt_level"] for tier in TIERS}
_initialized = False


def pipeline_of(env: "CompileEnvironment", tier: str) -> str:
    """The tier whose pipeline the code of a tier goes through."""
    return BASELINE if env.flags["opt_level"] == "none" else tier


def compile_ir(ir: str, env: "CompileEnvironment", tier: str, *, verify: bool = False) -> bytes:
    """The relocatable object for a module of IR text.

    `verify` also runs LLVM's verifier, which costs more than parsing and changes nothing. Raises
    CompileError if LLVM rejects the text.
    """
    tier = pipeline_of(env, tier)
    machine = _machine(env.target, tier)
    try:
        module = llvm.parse_assembly(ir)
        if verify:
            module.verify()
        with module:
            if tier == OPTIMIZED:
                _optimize(module, machine)
            return bytes(machine.emit_object(module))
    except RuntimeError as error:
        raise CompileError(f"LLVM rejected the code of this module: {error}") from error


def initialize() -> None:
    """Set LLVM up for this process and those that it forks, unless that is done."""
    global _initialized
    if not _initialized:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        for option in _OPTIONS:
            llvm.set_option("cachewasm", option)
        _initialized = True


def _machine(target: "Target", tier: str) -> llvm.TargetMachine:
    initialize()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu,
        features=target.llvm_features(),
        opt=_LEVELS[tier],
        reloc="pic",
        codemodel="small",
    )


def _optimize(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=_LEVELS[OPTIMIZED])
    builder = llvm.create_pass_builder(machine, options)
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)
