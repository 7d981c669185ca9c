"""A forked child runs the parent's modules and compiles its own; the parent notices nothing."""

from typing import Any

MODULES = {
    name: f'(module (memory 1) (func (export "f") (param i32) (result i32)'
    f" (i32.add (i32.const {number}) (i32.load8_u (local.get 0)))))"
    for number, name in enumerate(("first", "second", "third"))
}
SETUP = """
config = Config()
config.cache = False  # every module is compiled here

def run(name):
    store = Store(Engine(config))
    return store, instantiate(store, name)["f"]

def use(store, function, expected):
    assert function(store, 5) == expected
    try:
        function(store, -1)
    except Trap as trap:
        assert "out of bounds" in str(trap)
    else:
        raise AssertionError("no trap")

def workers():
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        return children.read().split()

def in_child(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_forked_child_runs_and_compiles_beside_the_parent(run_python: Any) -> None:
    run_python(
        SETUP
        + """
first = run("first")
use(*first, 0)
worker = workers()
assert len(worker) == 1

def work():
    use(*first, 0)
    use(*run("second"), 1)
    assert len(workers()) == 1

in_child(work)
assert workers() == worker
use(*first, 0)
use(*run("third"), 2)
assert workers() == worker
""",
        compiled=False,
        **MODULES,
    )


def test_forked_child_that_exits_normally_leaves_the_parents_worker(run_python: Any) -> None:
    run_python(
        SETUP
        + """
first = run("first")
worker = workers()
child = os.fork()
if child == 0:
    use(*run("second"), 1)
    sys.exit(0)  # with what runs at exit
assert os.waitpid(child, 0)[1] == 0
use(*run("third"), 2)
assert workers() == worker
""",
        compiled=False,
        **MODULES,
    )


def test_forked_children_share_no_memory_with_the_parent(run_python: Any) -> None:
    run_python(
        SETUP
        + """
store = Store(Engine(config))
memory = instantiate(store, "module")["m"]
def work():
    memory.write(store, b"child", 0)
    memory.grow(store, 1)
in_child(work)
assert memory.read(store, 0, 5) == bytes(5)
assert memory.size(store) == 1
""",
        compiled=False,
        module='(module (memory (export "m") 1))',
    )


def test_fork_inside_a_host_function_returns_in_both(run_python: Any) -> None:
    run_python(
        SETUP
        + """
children = []
def host():
    children.append(os.fork())
store = Store(Engine(config))
call = instantiate(store, "module", Func(store, FuncType([], []), host))["call"]
call(store)
if children[0] == 0:
    try:
        call(store) if len(children) < 1 else None
    finally:
        os._exit(0)
assert os.waitpid(children[0], 0)[1] == 0
""",
        compiled=False,
        module='(module (import "" "host" (func $host)) (func (export "call") (call $host)))',
    )
