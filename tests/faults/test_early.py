"""The support image begun early is the one that is made on request."""

from typing import Any


def test_begin_makes_the_image_that_a_request_for_it_makes(run_python: Any) -> None:
    run_python(
        """
from cachewasm.compiler import client
from cachewasm.compiler.processes import early, pool
from cachewasm.engine.config import Config
from cachewasm.engine.environment import from_config
environment = from_config(Config())
encoded = environment.to_bytes()
worker = early.begin([b"module", encoded, b"baseline", b"wasm", b"2", encoded])
(image,) = pool.run([early.support_task(encoded)], processes=1, early=worker)
assert image == client.compile_support(environment).artifact
""",
        compiled=False,
        options=(),
    )
