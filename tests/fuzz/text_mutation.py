"""Damage text: token by token, so that some of what comes out is a module, and most is nearly one."""

import re
from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from cachewasm.wasm.opcodes import OPS
from cachewasm.wasm.types import VALTYPES

# With the blanks before it, so that an edit hits something that counts.
_TOKEN = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"|;;[^\n]*|\(;|;\)|[()]|[^\s()";]+|.|$)', re.DOTALL)
_INSTRUCTIONS = tuple(op.name for op in OPS if " " not in op.name)
_NUMBERS = (
    *("0", "1", "2", "7", "-1", "+0", "0x10", "1_0", "65535", "65536", "2147483647", "2147483648"),
    *("4294967295", "4294967296", "-2147483648", "-2147483649", "18446744073709551615", "1e400"),
    *("18446744073709551616", "-9223372036854775808", "0x1p-1075", "0x1.fffffffp127", "0x1.8p-149"),
    *(
        "nan",
        "-nan:0x1",
        "nan:0x400000",
        "nan:0x0",
        "inf",
        "-inf",
        "1.5",
        "1e-400",
        "0x1.0000010000001",
    ),
)
# What takes the place of another without making nonsense of all that follows.
_ALIKE = (
    _INSTRUCTIONS,
    tuple(valtype.name for valtype in VALTYPES),
    ("i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2"),
    ("param", "result", "local"),
    ("func", "table", "memory", "global"),
    ("declare", "offset", "item"),
)
_INSERTED = (
    *("(", ")", "((", "))", "(;", ";)", ";;", "(@a", "$", "$x", '$"x"', '"', '"\\', '"\\ff"', '""'),
    *(
        "0x",
        "0x1p",
        "1e",
        "_",
        "nan:canonical",
        "offset=0",
        "offset=4294967296",
        "align=3",
        "align=8",
    ),
    *("module", "func", "param", "result", "local", "type", "import", "export", "memory", "table"),
    *("global", "mut", "elem", "data", "start", "item", "offset", "declare", "block", "loop", "if"),
    *(
        "then",
        "else",
        "end",
        "funcref",
        "externref",
        "i32",
        "i64",
        "f32",
        "f64",
        "v128",
        "i8",
        "rec",
    ),
    *("\t", "\r", "\0", "\x7f", "\u00e9", "\U0001f600", "\ufeff"),
)


@dataclass(frozen=True, slots=True)
class TokenEdit:
    """Replace `removed` tokens at a place by `inserted`, and `copied` tokens from another place.

    `alike` replaces one token by another of its kind instead. Places are fractions of the number of
    tokens.
    """

    place: int  # of 65536
    removed: int
    inserted: tuple[str, ...]
    source: int  # of 65536
    copied: int
    alike: bool

    def apply(self, tokens: list[str]) -> list[str]:
        """The tokens after the edit."""
        at = self.place * len(tokens) >> 16
        if self.alike:
            return [
                *tokens[:at],
                *(_other(each, self.source) for each in tokens[at : at + 1]),
                *tokens[at + 1 :],
            ]
        source = self.source * len(tokens) >> 16
        copies = tokens[source : source + self.copied]
        inserted = (f" {each}" for each in self.inserted)
        return [*tokens[:at], *inserted, *copies, *tokens[at + self.removed :]]


def _other(token: str, number: int) -> str:
    """Another token of the same kind, or the same where there is none."""
    stripped = token.strip()
    pools = [pool for pool in _ALIKE if stripped in pool]
    if re.match(r"[-+]?(\d|nan|inf)", stripped):
        pools = [_NUMBERS]
    if not pools:
        return token
    return token[: len(token) - len(stripped)] + pools[0][number % len(pools[0])]


_TEXTS = st.one_of(*(st.sampled_from(each) for each in (_INSERTED, _INSTRUCTIONS, _NUMBERS)))
token_edits = st.lists(
    st.builds(
        TokenEdit,
        place=st.integers(0, 65535),
        removed=st.integers(0, 3),
        inserted=st.lists(_TEXTS, max_size=2).map(tuple),
        source=st.integers(0, 65535),
        copied=st.integers(0, 3),
        alike=st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


def random_token_edits(random: Random) -> list[TokenEdit]:
    """Edits like those of the strategy, from a generator."""
    return [
        TokenEdit(
            place=random.randrange(65536),
            removed=random.randrange(4),
            inserted=tuple(
                random.choice(random.choice((_INSERTED, _INSTRUCTIONS, _NUMBERS)))
                for _ in range(random.randrange(3))
            ),
            source=random.randrange(65536),
            copied=random.randrange(4),
            alike=random.random() < 0.7,
        )
        for _ in range(random.choice((1, 1, 2, 3)))
    ]


def edited_text(text: str, changes: list[TokenEdit]) -> str:
    """`text` after all edits."""
    tokens = _TOKEN.findall(text)
    for change in changes:
        tokens = change.apply(tokens)
    return "".join(tokens)
