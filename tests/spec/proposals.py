"""Scripts that need a proposal which the engine does not have, and which one.

A script counts only whole, so many are here for a single module. One that passes must leave the
list; a test holds it to that.
"""

_SIMD = "vectors"
_RELAXED_SIMD = "relaxed vectors"
_EXCEPTIONS = "exceptions"
_TAIL_CALL = "tail calls"
_MEMORY64 = "64-bit memories"
_FUNCTION_REFERENCES = "typed function references"
_GC = "garbage collection"

NEEDS: dict[str, str] = {}
