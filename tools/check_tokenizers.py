#!/usr/bin/env python3
"""Checks that the Python package `tokenizers` reads our tokenizer.json and gives identical ids.

    cargo build --release --example token_ids
    python tools/check_tokenizers.py target/release/examples/token_ids TEXT...

For every vocabulary kind, with a full and a pruned vocabulary (so that unknown tokens occur), over the given texts and a
text made here that holds every Unicode scalar value in several surroundings:

- the file loads, and the package would write the very same bytes;
- the ids of every text are identical (`whitespace`: line by line, as its convention is one <eos> a line);
- decoding gives what elman decodes, and in `words`, `chars` and `bytes` the very text where nothing is unknown.

Checked with tokenizers 0.23.3.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer

KINDS = ["words", "whitespace", "chars", "bytes"]
TRAPS = """a  b \t c\t\td  \n x\r\n\r\n\n <eos> <unk> b<eos>c <<eos>> <\\eos>  trailing  \n\u00a0\u3000x\u2028y \u0085 z
e\u0301t\u00e9 3\u00bd \u2167 \u0663\u096a ..  ?  "quoted" \\n '' \x00\x01 \x7f [UNK] </s> \U0001f980\u200d \n   """


def every_character() -> str:
    """Every scalar value after a space, doubled, and before a letter."""
    return "".join(f"a {chr(c)}{chr(c)}b" for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def ours(command: str, kind: str, min_count: int, files: list[Path]) -> dict:
    run = subprocess.run([command, kind, str(min_count), *map(str, files)], capture_output=True, check=True)
    return json.loads(run.stdout)


def theirs(tokenizer: Tokenizer, kind: str, text: str) -> list[int]:
    if kind != "whitespace":
        return tokenizer.encode(text).ids
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [i for encoding in tokenizer.encode_batch(lines) for i in encoding.ids]


def check(command: str, kind: str, min_count: int, files: list[Path]) -> int:
    """Compares one kind on `files` with one vocabulary; returns how many ids were the same. Ends the program otherwise."""
    result = ours(command, kind, min_count, files)
    tokenizer = Tokenizer.from_str(result["tokenizer"])
    if tokenizer.to_str(pretty=True) != result["tokenizer"]:
        sys.exit(f"{kind}: the package writes another file than ours")
    eos = tokenizer.token_to_id("<eos>")
    unknown = tokenizer.token_to_id("<unk>")
    total = 0
    for file, ids, decoded in zip(files, result["ids"], result["decoded"], strict=True):
        text = file.read_bytes().decode()
        expected = theirs(tokenizer, kind, text)
        if ids != expected:
            at = next((i for i, (a, b) in enumerate(zip(ids, expected)) if a != b), min(len(ids), len(expected)))
            tokens = [[tokenizer.id_to_token(i) for i in seq[max(0, at - 3) : at + 3]] for seq in (ids, expected)]
            sys.exit(f"{kind}, {file}: ids differ at {at}: ours {tokens[0]}, theirs {tokens[1]}")
        if tokenizer.decode(ids) != decoded:
            sys.exit(f"{kind}, {file}: decoded texts differ")
        if kind != "whitespace" and unknown not in ids and decoded != text:
            sys.exit(f"{kind}, {file}: decoding does not restore the text")
        if kind != "whitespace" and (ids.count(eos) != 1 or ids[-1] != eos):
            sys.exit(f"{kind}, {file}: not exactly one <eos>")
        total += len(ids)
    return total


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    command, files = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as directory:
        made = {"traps": TRAPS, "every character": every_character()}
        for name, text in made.items():
            path = Path(directory) / f"{name}.txt"
            path.write_bytes(text.encode())
            files.insert(0, path)
        for kind in KINDS:
            for min_count in (1, 3):
                # In `bytes` the characters do not matter, and in the pruned vocabulary each has been seen already.
                some = files if kind != "bytes" and min_count == 1 else files[1:]
                total = check(command, kind, min_count, some)
                print(f"{kind:10} min-count {min_count}: {len(some)} texts, {total} ids identical", flush=True)
    print(f"identical to tokenizers {tokenizers.__version__}")


if __name__ == "__main__":
    main()
