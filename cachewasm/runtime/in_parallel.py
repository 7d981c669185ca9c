"""Several calls at once, or one after the other: what `Config.parallel_compilation` means for callers.

Threads, because what takes long (compiling, hashing, compressing) leaves the interpreter. Order and
errors are those of a loop, as far as that can be: results stand in the order of the inputs, and of
several errors the one of the first input is raised.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Input = TypeVar("Input")
Result = TypeVar("Result")
Other = TypeVar("Other")


def run(inputs: Sequence[Input], fn: Callable[[Input], Result], jobs: int) -> list[Result]:
    """`fn` of each input, on `jobs` threads at most: 0 for one per processor, 1 for none but this.

    Returns when none is at work any more. Raises what `fn` raised for the first of the inputs for
    which it did; once it has raised, no further input is begun.
    """
    threads = min(jobs or len(os.sched_getaffinity(0)), len(inputs))
    if threads <= 1:
        return [fn(each) for each in inputs]
    with ThreadPoolExecutor(threads) as pool:
        futures: list[Future[Result]] = []
        failed = False

        def call(each: Input) -> Result:
            nonlocal failed
            try:
                return fn(each)
            except BaseException:
                failed = True
                for future in futures:
                    future.cancel()
                raise

        for each in inputs:
            if failed:
                break
            futures.append(pool.submit(call, each))
    for future in futures:
        if not future.cancelled():
            future.result()
    return [future.result() for future in futures]


def join(a: Callable[[], Result], b: Callable[[], Other], jobs: int) -> tuple[Result, Other]:
    """What both return; `b` is called on another thread unless `jobs` is 1.

    Returns when both have ended. Raises what `a` raised, else what `b` did.
    """
    if jobs == 1:
        return a(), b()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(b)
        first = a()
    return first, future.result()
