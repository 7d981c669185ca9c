"""CPython 3.12, compiled for WASI with its library inside: the same output as under PyPI wasmtime.

26 MB, a third of it code: the largest real program here, with an interpreter loop, regular
expressions, big numbers, compression and hashes, and a file system of its own.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

RUN = str(Path(__file__).parent / "run_command.py")
SCRIPT = """
import hashlib, json, math, random, re, sys, textwrap, zlib
from collections import Counter, OrderedDict
from dataclasses import dataclass
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import islice, permutations

@dataclass(order=True, frozen=True)
class Point:
    x: float
    y: float = 0.5

def primes():
    found = []
    n = 2
    while True:
        if all(n % p for p in found):
            found.append(n)
            yield n
        n += 1

print(sys.version_info[:3], sys.platform, sys.argv)
print(2 ** 521 - 1, math.factorial(60), pow(3, 10 ** 6, 10 ** 18 + 9))
print(0.1 + 0.2, 1e308 * 10, -0.0, math.nan, [math.sin(x) for x in (0.5, 1e6)], (2.5).hex())
getcontext().prec = 50
print(Decimal(2).sqrt(), Fraction(355, 113) ** 3)
print(list(islice(primes(), 40)))
text = "".join(textwrap.dedent(module.__doc__) for module in (hashlib, json, random, re, textwrap))
print(Counter(re.findall(r"[a-z]{4,}", text)).most_common(5))
print(re.sub(r"(\\w+)-(\\w+)", r"\\2_\\1", "one-two three-four"))
print(hashlib.sha256(text.encode()).hexdigest(), zlib.crc32(text.encode()))
packed = zlib.compress(text.encode(), 9)
print(len(packed), zlib.decompress(packed) == text.encode())
print(json.dumps({"a": [1.5, None, True, "\\u00fc\\U0001f600"], "b": {"c": -1}}, indent=1))
print(json.loads('[1e3, {"x": "\\\\u00e9"}]'))
random.seed(42)
print([random.randrange(1000) for _ in range(8)], random.gauss(0, 1))
print(sorted([Point(2), Point(1, 3), Point(1)]), len(list(permutations("abcdefg"))))
print("%08.3f|%-6s|%+d|%x" % (math.pi, "ab", 5, 255), f"{1234567.891:,.2f}", "\\u00df".upper())
try:
    {}["missing"]
except KeyError as error:
    print(repr(error), type(error).__mro__)
def depth(n):
    return n and 1 + depth(n - 1)
print(depth(500))
try:
    depth(10 ** 6)
except RecursionError as error:
    print(error)
print(OrderedDict(zip("ab", (1, 2))), bytes(range(5)).hex(), {**{"k": 1}})
print(eval(compile("[i * i for i in range(6) if i % 2]", "here", "eval")))
"""


@pytest.fixture(scope="module")
def expected(python: Callable[..., bytes], module_path: Callable[[str], Path]) -> bytes:
    output = python(RUN, "wasmtime", "", str(module_path("python.wasm")), "-c", SCRIPT)
    assert output.startswith(b"(3, 12, 0) wasi ['-c']\n")
    assert output.endswith(b"[1, 9, 25]\n")
    return output


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_python_script_prints_the_oracles_output(
    engine_module: ModuleType,
    python: Callable[..., bytes],
    module_path: Callable[[str], Path],
    expected: bytes,
    strategy: str,
) -> None:
    wasm = str(module_path("python.wasm"))
    assert python(RUN, engine_module.__name__, strategy, wasm, "-c", SCRIPT) == expected
