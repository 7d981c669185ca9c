"""Objects die in any order, also inside cycles, and what they held is given back."""

from typing import Any

import pytest

MODULE = """
(module
  (import "" "host" (func $host (param i32) (result i32)))
  (memory (export "m") 1 16)
  (table $t (export "t") 4 funcref)
  (table $x (export "x") 4 externref)
  (global (export "g") (mut externref) (ref.null extern))
  (func $call (export "call") (param i32) (result i32) (call $host (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "indirect") (result i32)
    (call_indirect $t (param i32) (result i32) (i32.const 7) (i32.const 0)))
  (func (export "set") (param i32 externref) (table.set $x (local.get 0) (local.get 1)))
  (elem declare func $call))
"""


def test_objects_dropped_in_any_order_leave_the_others_usable(run_python: Any) -> None:
    run_python(
        """
        import random
        random.seed(1)
        engine = Engine()
        type = FuncType([i32], [i32])

        def build():
            store = Store(engine)
            host = Func(store, type, lambda value: value + 1)
            module = Module(engine, WASM["module"])
            instance = Instance(store, module, [host])
            exports = instance.exports(store)
            table = exports["t"]
            table.set(store, 0, exports["call"])
            return {
                "store": store, "host": host, "module": module, "instance": instance,
                "exports": exports, "table": table, "memory": exports["m"],
                "call": exports["call"], "indirect": exports["indirect"], "global": exports["g"],
            }

        for round in range(60):
            things = build()
            store = things.pop("store")
            names = sorted(things)
            random.shuffle(names)
            keep_store = round % 2
            for name in names:
                if keep_store or len(things) > 1:
                    # Whatever is left works as before.
                    if "call" in things:
                        assert things["call"](store, 4) == 5
                    if "indirect" in things:
                        assert things["indirect"](store) == 8
                    if "host" in things:
                        assert things["host"](store, 1) == 2
                    if "memory" in things:
                        things["memory"].write(store, b"x", round)
                    if "table" in things:
                        assert things["table"].get(store, 0)(store, 9) == 10
                else:
                    del store
                    store = None
                del things[name]
                if round % 3 == 0:
                    gc.collect()
        """,
        module=MODULE,
    )


def test_handles_keep_their_store_alive(run_python: Any) -> None:
    run_python(
        """
        import weakref
        engine = Engine()
        for name in ("m", "t", "g", "call"):
            store = Store(engine)
            alive = weakref.ref(store)
            host = Func(store, FuncType([i32], [i32]), lambda value: value)
            handle = instantiate(store, "module", host)[name]
            del store, host
            gc.collect()
            assert alive() is not None, name
            if name == "call":
                assert handle(alive(), 3) == 3
            else:
                handle.type(alive())
            del handle
            gc.collect()
            assert alive() is None, name
        """,
        module=MODULE,
    )


def test_finalizers_inside_a_cycle_may_still_call_wasm(run_python: Any) -> None:
    run_python(
        """
        engine = Engine()
        done = []

        class Resource:
            def __del__(self):
                done.append(self.exports["load"](self.store, 3))
                done.append(self.exports["call"](self.store, 4))
                self.exports["m"].write(self.store, b"late", 0)
                self.exports["t"].grow(self.store, 100, None)
                try:
                    self.exports["load"](self.store, -1)
                except Trap:
                    done.append("trap")

        def build(first):
            resource = Resource() if first else None
            store = Store(engine)
            resource = resource or Resource()
            exports = instantiate(store, "module", Func(
                store, FuncType([i32], [i32]), lambda value: resource and value))
            exports["set"](store, 0, resource)
            resource.store, resource.exports = store, exports
            return resource

        for _ in range(10):
            build(True)
            build(False)
        gc.collect()
        assert done == [0, 4, "trap"] * 20, done
        """,
        module=MODULE,
    )


def test_weak_reference_callbacks_of_a_dying_cycle_run(run_python: Any) -> None:
    run_python(
        """
        import weakref
        engine, seen = Engine(), []
        store = Store(engine)
        func = Func(store, FuncType([], []), lambda: func)
        references = [weakref.ref(store, seen.append), weakref.ref(func, seen.append)]
        del store, func
        gc.collect()
        assert len(seen) == 2
        """
    )


def test_memory_of_dead_stores_is_given_back(run_python: Any) -> None:
    run_python(
        """
        engine = Engine()
        type = FuncType([i32], [i32])

        def use(cycle):
            store = Store(engine)
            kept = []
            exports = instantiate(store, "module", Func(store, type, lambda v: len(kept) and v))
            if cycle:
                kept.append(exports)
                kept.append(store)
            exports["call"](store, 1)
            exports["m"].grow(store, 3)
            exports["set"](store, 1, kept)
            try:
                exports["load"](store, -1)
            except Trap:
                pass

        def reserved():
            spans = (line.split()[0].split("-") for line in mappings())
            return sum(int(end, 16) - int(start, 16) for start, end in spans)

        for cycle in (False, True):
            use(cycle)
        gc.collect()
        before = reserved(), len(mappings()), len(os.listdir("/proc/self/fd"))
        for i in range(200):
            use(i % 2 == 0)
        gc.collect()
        after = reserved(), len(mappings()), len(os.listdir("/proc/self/fd"))
        # One memory more would be 4 GiB; the allocators may take a few pages.
        assert after[0] - before[0] < 64 << 20, (before, after)
        assert after[1] - before[1] < 10, (before, after)
        assert after[2] == before[2]
        """,
        module=MODULE,
    )


@pytest.mark.emulator_cannot("/proc/self/maps never shows code as executable")
def test_code_of_dead_modules_cannot_be_executed(run_python: Any) -> None:
    run_python(
        """
        def images():
            return sum("x" in line.split()[1] for line in mappings())

        engine = Engine()
        Store(engine)
        before = images()
        store = Store(engine)
        module = Module(engine, WASM["module"])
        instance = Instance(store, module, [Func(store, FuncType([i32], [i32]), lambda v: v)])
        call = instance.exports(store)["call"]
        assert images() > before
        del module, instance, store
        gc.collect()
        assert images() > before
        del call
        gc.collect()
        assert images() == before
        """,
        module=MODULE,
    )


def test_exit_with_everything_alive_is_clean(run_python: Any) -> None:
    for ending in ("", "sys.exit(0)", "import atexit; atexit.register(lambda: call(store, 1))"):
        run_python(
            f"""
            engine = Engine()
            store = Store(engine)
            loop = []
            host = Func(store, FuncType([i32], [i32]), lambda v: loop and v)
            exports = instantiate(store, "module", host)
            call = exports["call"]
            loop.append((store, exports, call))

            class Late:
                def __del__(self):
                    try:
                        call(store, 1)
                    except TypeError:
                        pass  # names may be gone by now

            late = Late()
            loop.append(late)
            sys.modules["late"] = late
            {ending}
            """,
            module=MODULE,
        )


def test_objects_closed_in_any_order_are_refused_and_leave_the_others_whole(
    run_python: Any,
) -> None:
    run_python(
        """
        import random
        random.seed(2)
        type = FuncType([i32], [i32])

        def build():
            engine = Engine()
            store = Store(engine)
            linker = Linker(engine)
            linker.define(store, "", "host", Func(store, type, lambda value: value + 1))
            module = Module(engine, WASM["module"])
            pre = linker.instantiate_pre(module)
            exports = pre.instantiate(store).exports(store)
            exports["t"].set(store, 0, exports["call"])
            exports["g"].set_value(store, [1, 2])
            return dict(engine=engine, store=store, linker=linker, module=module, pre=pre), exports

        for round in range(40):
            managed, exports = build()
            store, pre = managed["store"], managed["pre"]
            uses = {
                "call": lambda: exports["call"](store, 4),
                "indirect": lambda: exports["indirect"](store),
                "memory": lambda: exports["m"].read(store, 0, 1)[0] + exports["m"].grow(store, 1),
                "table": lambda: exports["t"].get(store, 0)(store, 9),
                "global": lambda: len(exports["g"].value(store)),
                "new": lambda: pre.instantiate(store).exports(store)["call"](store, 5),
            }
            expected = {"call": 5, "indirect": 8, "table": 10, "global": 2, "new": 6}
            names = list(managed)
            random.shuffle(names)
            closed = set()
            for name in names:
                managed.pop(name).close()
                closed.add(name)
                if round % 2:
                    gc.collect()
                for use, call in uses.items():
                    refused = "store" in closed or (use == "new" and "pre" in closed)
                    try:
                        found = call()
                    except ValueError as error:
                        assert refused and str(error) == "already closed", (use, closed)
                    else:
                        assert not refused, (use, closed)
                        assert found == expected.get(use, found), (use, found)
            if round % 3:
                view = exports["m"]
                del exports, store, pre, uses
                gc.collect()
        """,
        module=MODULE,
    )
