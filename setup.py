"""The one build step that pyproject.toml cannot state: the digest of the sources becomes a constant.

A built package need not read its sources to know its compiler identity (engine/identity.py). The
constant is written into the build directory only: in the source tree it would be wrong after the
next edit, and for the same reason an editable install has none.
"""

import os
import shutil
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cachewasm.engine.identity import BUILD_CONSTANT, digest_sources


class BuildWithDigest(build_py):
    """`build_py` that adds the constant to what it has built."""

    def run(self) -> None:
        if not self.editable_mode:
            # What an earlier build left there would be part of the package, and of the digest.
            for package in ("cachewasm", "cachewasm_cli"):
                shutil.rmtree(os.path.join(self.build_lib, package), ignore_errors=True)
        super().run()
        if not self.editable_mode:
            digest = digest_sources(os.path.join(self.build_lib, "cachewasm"))
            with open(self._constant(), "w", encoding="ascii") as file:
                file.write(f'"""Written by the build."""\n\nSOURCE_DIGEST = "{digest.hex()}"\n')

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs: list[str] = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, self._constant()]

    def _constant(self) -> str:
        return os.path.join(self.build_lib, "cachewasm", BUILD_CONSTANT)


setup(cmdclass={"build_py": BuildWithDigest})
