"""Fuzz for long and print a record: `python -m tests.fuzz.long_run COUNT --scripts FOLDER`.

Each example is decided by its number, so a run can be repeated or continued. What fails is written
down with the number; the exit code says whether anything did.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from benchmarks.machine import describe
from tests.fuzz.checks import check_decoder, check_text, check_validator
from tests.fuzz.mutation import edited, edited_inside, random_edits
from tests.fuzz.seeds import Corpus, module_texts, seeds_of
from tests.fuzz.text_mutation import edited_text, random_token_edits

_SHOWN = 20  # failures that are written out


def _decoder(seeds: Corpus[bytes], random: Random) -> None:
    check_decoder(edited(seeds[random.randrange(65536)], random_edits(random)))


def _validator(seeds: Corpus[bytes], random: Random) -> None:
    seed, section, body = (random.randrange(65536) for _ in range(3))
    check_validator(edited_inside(seeds[seed], section, body, random_edits(random)))


def _text(seeds: Corpus[str], random: Random) -> None:
    check_text(edited_text(seeds[random.randrange(65536)], random_token_edits(random)))


def _failures(numbers: range, example: Callable[[Random], None]) -> Iterator[str]:
    for number in numbers:
        try:
            example(Random(number))
        except Exception as error:  # whatever it is, it is what fuzzing looks for
            yield f"{number}: {type(error).__name__}: {error}"


def main() -> int:
    """Parse the command line, fuzz, print the record. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("count", type=int, help="how many examples of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first number")
    parser.add_argument("--scripts", type=Path, required=True, help="the official scripts")
    options = parser.parse_args()
    scripts: list[Path] = sorted(options.scripts.glob("*.wast"))
    text_seeds, binary_seeds = seeds_of(text for path in scripts for text in module_texts(path))
    numbers = range(options.first, options.first + options.count)
    kinds: dict[str, Callable[[Random], None]] = {
        "decoder": lambda random: _decoder(binary_seeds, random),
        "validator and translator": lambda random: _validator(binary_seeds, random),
        "text parser": lambda random: _text(text_seeds, random),
    }
    print(f"# Fuzzing\n\nSeeds: {len(binary_seeds)} binaries, {len(text_seeds)} texts.\n")
    failed = False
    for kind, example in kinds.items():
        start = time.monotonic()
        failures = list(_failures(numbers, example))
        failed = failed or bool(failures)
        seconds = time.monotonic() - start
        print(f"## {kind}\n\n{len(numbers)} examples from number {options.first}, ", end="")
        print(f"{seconds:.0f} s, {len(failures)} failures.\n", flush=True)
        for failure in failures[:_SHOWN]:
            print(f"    {failure}\n")
    print("## Machine\n\n| | |\n| --- | --- |")
    for name, value in describe().items():
        print(f"| {name} | {value} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
