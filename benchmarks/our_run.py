"""The console script `cachewasm` as current installers write it: no more than the call.

Older versions of pip write one that imports re, which takes a tenth of a warm run; the benchmark
shows that one apart.
"""

from cachewasm_cli.main import console

console()
