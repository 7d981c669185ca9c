"""`cache lock`: write down which compiled code an application runs; and hold a directory to that."""

from argparse import Namespace
from collections.abc import Sequence

from cachewasm.cache.carry.lock_file import Lock, LockedArtifact, check_lock
from cachewasm.runtime import kept
from cachewasm.runtime.locked import read_lock

from .. import exit_codes, text
from ..failure import Failure, UsageError, about, printable, say
from ..files import STDOUT, read, write
from ..modules import modules
from ..parser import (
    Commands,
    add_code_options,
    add_command,
    add_jobs,
    add_json,
    add_place,
    chosen_code_options,
)
from ..place import chosen_directory, chosen_store
from .warm import FAILED, SUPPORT, Target, add_targets, chosen_targets, engine_for, warm_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..code_options import Code

DEFAULT = "app.lock"


def add(verbs: Commands) -> None:
    """Add the verb."""
    summary = "write a lock file of the compiled code of modules, which is in the cache"
    parser = add_command(verbs, "lock", lock, summary)
    parser.add_argument(
        "paths", metavar="FILE|DIR", nargs="+", help="a module, or a folder with .wasm and .wat"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="LOCK",
        default=DEFAULT,
        help=f"by default {DEFAULT}; - for standard output",
    )
    parser.add_argument("--warm", action="store_true", help="compile what is not in the cache")
    add_targets(parser)
    add_code_options(parser)
    add_jobs(parser)
    add_place(parser)
    add_json(parser)


def lock(options: Namespace) -> int:
    """Write the lock file; nothing is written unless all artifacts are in the cache."""
    is_stdout = options.output == STDOUT
    if is_stdout and options.json:
        raise UsageError(
            "cachewasm cache lock", "--json and a lock file cannot both go to standard output"
        )
    chosen_directory(options.cache_dir, options.config)
    paths = modules(options.paths)
    if options.warm:
        _warm(paths, options)
    targets = chosen_targets(options)
    code = chosen_code_options(options)
    artifacts = [_locked(path, target, code) for target in targets for path in (*paths, "")]
    with about(options.output):
        write(options.output, Lock(tuple(artifacts)).to_text().encode())
    if options.json:
        print(text.as_json({"lock": options.output, "artifacts": [_facts(a) for a in artifacts]}))
    else:
        counts = text.counted(len(artifacts), "artifact")
        of_modules = text.counted(len(paths), "module")
        tell = say if is_stdout else print
        tell(printable(f"{options.output}: {counts} of {of_modules}"))
    return exit_codes.OK


def check(path: str, options: Namespace) -> int:
    """Say which artifacts of a lock file the cache does not have as it says, for whatever target."""
    store = chosen_store(options.cache_dir, options.config)
    artifacts = read_lock(path).artifacts
    problems = check_lock(store, artifacts)
    if options.json:
        facts: dict[str, text.Fact] = {
            "lock": path,
            "artifacts": len(artifacts),
            "problems": [
                {**_facts(each.artifact), "reason": each.reason, "detail": each.detail}
                for each in problems
            ],
        }
        print(text.as_json(facts))
    else:
        for problem in problems:
            print(printable(str(problem)))
        right = len(artifacts) - len({id(problem.artifact) for problem in problems})
        of_all = text.counted(len(artifacts), "artifact")
        print(f"in the cache as the lock file says: {right} of {of_all}")
    return exit_codes.FAILURE if problems else exit_codes.OK


def _warm(paths: Sequence[str], options: Namespace) -> None:
    for result in warm_all(paths, options, show=False):
        if result.state == FAILED:
            raise Failure(f"{printable(result.job.path or SUPPORT)}: {result.problem}")


def _locked(path: str, target: Target, code: "Code") -> LockedArtifact:
    """The artifact of a module, or of the support image if there is no path. Raises Failure."""
    engine = engine_for(target.name, code)
    if path:
        with about(path):
            found = kept.kept(engine, read(path))
    else:
        found = kept.kept_support(engine, target.name)
    name = path or SUPPORT
    if found is None:
        raise Failure(
            f"{printable(name)}: not in the cache for {target.label}: give --warm, or use "
            "`cachewasm cache warm` first"
        )
    key = found.key
    return LockedArtifact(
        module=name,
        wasm=key.wasm_digest,
        text=found.text,
        target=target.triple,
        isa=key.isa,
        tier=key.tier,
        compat=key.compat,
        compiler=engine._environment.identity,
        artifact=found.artifact,
        size=found.size,
    )


def _facts(artifact: LockedArtifact) -> dict[str, text.Fact]:
    return {
        "module": artifact.module,
        "target": artifact.target,
        "isa": artifact.label,
        "tier": artifact.tier,
        "key": artifact.key.digest.hex(),
        "artifact": artifact.artifact.hex(),
        "size": artifact.size,
    }
