"""Two threads for work that leaves the interpreter: hashing, compressing, copying.

`threading` takes 5 ms to import, so the interpreter's own primitives are used. On the warm path.
"""

from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def on_two_threads(work: "Callable[[], None]") -> None:
    """Call `work` on this thread and on another one, and return when both are done.

    Both take what is to be done from one iterator, so it is right with one thread too: that is all
    there is where no other can be started. Raises what either raised.
    """
    done = allocate_lock()
    done.acquire()
    failures: list[BaseException] = []

    def other() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
        finally:
            done.release()

    try:
        start_new_thread(other, ())
    except RuntimeError:  # too many threads, or the interpreter is ending
        work()
        return
    try:
        work()
    finally:
        # Even an interrupted wait is waited to its end: the other thread writes to memory that the
        # caller gives back next.
        while True:
            try:
                done.acquire()
                break
            except KeyboardInterrupt as error:
                failures.append(error)
    if failures:
        raise failures[0]
