"""What exists once in a process: the support image and the type `Func`.

Made when the first store is, from the cache if it is there. On the warm path.
"""

import ctypes

from cachewasm.engine import compat
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
from cachewasm.loader import image, native
from cachewasm.runtime import callbacks
from cachewasm.runtime.artifacts import support_artifact
from cachewasm.runtime.func import make_func_type
from cachewasm.runtime.locks import process_lock
from cachewasm.runtime.support import Support

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cachewasm.cache.store import ArtifactStore
    from cachewasm.runtime.func import Func

_made: "tuple[Support, type[Func]] | None" = None
_lock = process_lock()


def support_image(store: "ArtifactStore | None") -> "tuple[Support, type[Func]]":
    """The support image and the type `Func` of this process.

    `store` is where to look for the image, if it is not loaded yet. Raises HostError, CompileError.
    """
    global _made
    if _made is None:
        with _lock:
            if _made is None:
                _made = _make(store)
    return _made


def _make(store: "ArtifactStore | None") -> "tuple[Support, type[Func]]":
    # The code is the same for every Config, so it is kept under the default one's key.
    environment = from_config(Config())
    artifact = support_artifact(environment, store)
    compat.check(artifact.part(artifact.engine_range), environment)
    support = Support(image.load(artifact), callbacks.table(lambda: support.thread_key))
    made = (support, make_func_type(support))
    # SAFETY: a reference that is never given back. The signal handler, the thread key's destructor
    # and the slots of `Func` are code of this image until the process ends.
    native.python.Py_IncRef(ctypes.py_object(made))
    return made
