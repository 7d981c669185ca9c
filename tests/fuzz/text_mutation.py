"""Damage text: token by token, so that most of what comes out is nearly a module."""

import re
from dataclasses import dataclass

from hypothesis import strategies as st

from cachewasm.wasm.opcodes import OPS

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|;;[^\n]*|\(;|;\)|[()]|[^\s()";]+|\s+|.', re.DOTALL)
_INSTRUCTIONS = [op.name for op in OPS if " " not in op.name]
_INSERTED = (
    *("(", ")", "((", "))", "(;", ";)", ";;", "(@a", "$", "$x", '$"x"', '"', '"\\', '"\\ff"', '""'),
    *(
        "0",
        "1",
        "-1",
        "+0",
        "0x",
        "0x1p",
        "1e",
        "1e400",
        "0x1p-1075",
        "0x1.fffffffp127",
        "1_0",
        "_",
    ),
    *("4294967295", "4294967296", "-2147483649", "18446744073709551616", "nan", "-nan:0x0", "inf"),
    *("nan:0x400000", "nan:canonical", "offset=0", "offset=4294967296", "align=3", "align=8"),
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
    *("\t", "\r", "\0", "\x7f", "\u00e9", "\U0001f600", "\ud800", "\ufeff"),
)


@dataclass(frozen=True, slots=True)
class TokenEdit:
    """Replace `removed` tokens at a place, given as a fraction of their number, by `inserted`.

    `copied` further tokens are taken from another place of the same text.
    """

    place: int  # of 65536
    removed: int
    inserted: tuple[str, ...]
    source: int  # of 65536
    copied: int

    def apply(self, tokens: list[str]) -> list[str]:
        """The tokens after the edit."""
        at, source = (place * len(tokens) >> 16 for place in (self.place, self.source))
        copies = tokens[source : source + self.copied]
        return [*tokens[:at], *self.inserted, *copies, *tokens[at + self.removed :]]


_TEXTS = st.one_of(st.sampled_from(_INSERTED), st.sampled_from(_INSTRUCTIONS))
token_edits = st.lists(
    st.builds(
        TokenEdit,
        st.integers(0, 65535),
        st.integers(0, 3),
        st.lists(_TEXTS, max_size=2).map(tuple),
        st.integers(0, 65535),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=3,
)


def edited_text(text: str, changes: list[TokenEdit]) -> str:
    """`text` after all edits."""
    tokens = _TOKEN.findall(text)
    for change in changes:
        tokens = change.apply(tokens)
    return "".join(tokens)
