"""Side by side with the peer: what cachewasm costs, next to PyPI wasmtime, in the same run.

Numbers of one engine alone say more of the machine than of the engine; so every figure here is a
ratio, ours to the peer's, and the median of many pairs that alternate.

    python -m benchmarks [--quick] [--json FILE] [--plot FILE] [--only GROUP]...
"""
