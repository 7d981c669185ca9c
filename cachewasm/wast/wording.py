"""What scripts expect to be said, against what is said.

As in the reference interpreter, the message must begin with the expected words. Where the words of
this engine are another's, those of the drop-in API, the table says which of them stand for which.
"""

# expected by scripts, said by the engine instead
STANDS_FOR = (
    # The trap of the instruction; the drop-in API quotes it.
    ("unreachable", "wasm `unreachable` instruction executed"),
    # Indirect calls and all other table accesses share one trap code, and so one message.
    ("out of bounds table access", "undefined element: out of bounds table access"),
    # The null element's index is not kept.
    ("uninitialized element 2", "uninitialized element"),
)


def says(message: str, expected: str) -> bool:
    """Whether `message` begins with what was expected, or with what stands for that."""
    if expected.startswith("type mismatch"):
        # What is said behind these words is no part of any agreement.
        expected = "type mismatch"
    return message.startswith(expected) or any(
        expected == words and message.startswith(ours) for words, ours in STANDS_FOR
    )
