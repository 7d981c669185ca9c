"""Which keywords exist: to tell a misplaced keyword from an unknown one and from later proposals.

What the text format calls an unknown operator is a keyword that nothing defines; a keyword of the
language in the wrong place is an unexpected token. Keywords that only a proposal without rows in
opcodes.py defines are refused by the proposal's name.
"""

import re

from cachewasm.wasm import features, opcodes
from cachewasm.wasm.types import VALTYPES

# `select` with types is no mnemonic of its own.
MNEMONICS = frozenset(op.name for op in opcodes.OPS if " " not in op.name)

# The keywords that are no instructions and no types, those of scripts too.
_STRUCTURE = frozenset(
    re.findall(
        r"\S+",
        """
        module definition instance binary quote register invoke get either
        type rec sub final func param result local field mut struct array i8 i16
        import export table memory global tag elem data start offset item declare then
        ref null extern any eq i31 none nofunc noextern exn noexn shared pagesize inf nan
        do catch catch_ref catch_all catch_all_ref
        i8x16 i16x8 i32x4 i64x2 f32x4 f64x2
        """,
    )
)
_PREFIXED = re.compile(
    r"(?:offset|align)=(?:0x[0-9a-fA-F_]+|[0-9][0-9_]*)|nan:(?:0x[0-9a-fA-F_]+|canonical|arithmetic)"
)

# Tried in this order on a keyword that is in no row.
_LATER = tuple(
    (re.compile(pattern), feature)
    for pattern, feature in (
        (r"(?:(?:i32|i64|memory)\.)?atomic\.[a-z0-9_.]+", features.THREADS),
        (r"return_call|return_call_indirect", features.TAIL_CALL),
        (
            r"call_ref|return_call_ref|ref\.as_non_null|br_on_null|br_on_non_null",
            features.FUNCTION_REFERENCES,
        ),
        (
            r"(?:struct|array|i31)\.[a-z0-9_]+|ref\.(?:i31|eq|test|cast)|br_on_cast(?:_fail)?"
            r"|any\.convert_extern|extern\.convert_any"
            r"|(?:any|eq|i31|struct|array|null|nullfunc|nullextern|nullexn)ref",
            features.GC,
        ),
        (r"i64\.(?:add128|sub128|mul_wide_[su])", features.WIDE_ARITHMETIC),
        (
            r"cont\.(?:new|bind)|suspend|resume|resume_throw|switch",
            features.STACK_SWITCHING,
        ),
    )
)

_KNOWN = MNEMONICS | _STRUCTURE | {valtype.name for valtype in VALTYPES}


def is_known(keyword: str) -> bool:
    """Whether the grammar has this keyword anywhere."""
    return keyword in _KNOWN or _PREFIXED.fullmatch(keyword) is not None


def later_feature(keyword: str) -> int | None:
    """The feature whose proposal defines an instruction or type that this engine has not."""
    if keyword in MNEMONICS:
        return None
    for pattern, feature in _LATER:
        if pattern.fullmatch(keyword):
            return feature
    return None
