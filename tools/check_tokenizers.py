#!/usr/bin/env python3
"""Checks that the Python package `tokenizers` reads our tokenizer.json and gives identical ids.

    cargo build --release --example token_ids
    python tools/check_tokenizers.py target/release/examples/token_ids TEXT...

For every vocabulary kind, with a full and a pruned vocabulary (so that unknown tokens occur), over the given texts and a
text made here that holds every Unicode scalar value in several surroundings:

- the file loads, and the package would write the very same bytes;
- the ids of every text are identical (line by line where <eos> ends lines);
- decoding gives what elman decodes, and the very text where the kind keeps it and nothing is unknown.

The same for tokenizers that the package itself has trained on the texts: WordPiece as of BERT, Unigram as of T5, byte-level BPE as
of GPT-2 with added tokens, and BPE with byte fallback as of Llama. elman hands lines to them one by one, so the same is done here.

Checked with tokenizers 0.23.3.
"""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Encoding, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

KINDS = ["words", "whitespace", "fields", "chars", "bytes", "bpe:1000"]
TRAPS = """a  b \t c\t\td  \n x\r\n\r\n\n <eos> <unk> b<eos>c <<eos>> <\\eos>  trailing  \n\u00a0\u3000x\u2028y \u0085 z v\x0bw f\x0cg
e\u0301t\u00e9 3\u00bd \u2167 \u0663\u096a ..  ?  "quoted" \\n '' \x00\x01 \x7f [UNK] </s> \U0001f980\u200d \n   """


def every_character() -> str:
    """Every scalar value after a space, doubled, and before a letter."""
    return "".join(f"a {chr(c)}{chr(c)}b" for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def ours(command: str, kind: str, min_count: int, files: list[Path]) -> dict:
    run = subprocess.run([command, kind, str(min_count), *map(str, files)], capture_output=True, check=True)
    return json.loads(run.stdout)


def theirs(tokenizer: Tokenizer, result: dict, text: str) -> list[int]:
    """The ids of a document. The letters of a special token in a text are letters."""
    tokenizer.encode_special_tokens = True
    if result["kind"] not in ("whitespace", "fields", "foreign"):
        return tokenizer.encode(text).ids
    ends = result["eos_ends_lines"]
    lines = [line if ends else line + "\n" for line in text.split("\n")]
    if not ends:
        lines[-1] = lines[-1].removesuffix("\n")
    if lines[-1] == "":
        lines.pop()
    (eos,) = tokenizer.encode("").ids
    ids = []
    for line, encoding in zip(lines, tokenizer.encode_batch(lines, add_special_tokens=False)):
        ids += apart(tokenizer, line, encoding, eos)
        if ends:
            ids.append(eos)
    return ids if ends else ids + [eos]


def apart(tokenizer: Tokenizer, line: str, encoding: Encoding, eos: int) -> list[int]:
    """The ids of a line. Unigram reads a control token as one of its pieces; elman cuts the line within it, so that it is letters."""
    cuts = [start + 1 for i, (start, _) in zip(encoding.ids, encoding.offsets) if i == eos]
    if not cuts:
        return encoding.ids
    parts = [line[start:end] for start, end in zip([0] + cuts, cuts + [len(line)])]
    return [i for part in parts for i in apart(tokenizer, part, tokenizer.encode(part, add_special_tokens=False), eos)]


def same_file(theirs: str, ours: str) -> bool:
    """The very bytes; but the package rounds a score that it reads to a neighbouring number now and then, and elman does not."""
    if theirs == ours:
        return True

    def equal(a, b) -> bool:
        if isinstance(a, dict) and isinstance(b, dict):
            return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
        if isinstance(a, list) and isinstance(b, list):
            return len(a) == len(b) and all(map(equal, a, b))
        return math.isclose(a, b, rel_tol=1e-15) if isinstance(a, float) and isinstance(b, float) else a == b

    return equal(json.loads(theirs), json.loads(ours))


def check(command: str, kind: str, min_count: int, files: list[Path]) -> int:
    """Compares one vocabulary on `files`; returns how many ids were the same. Ends the program otherwise."""
    result = ours(command, kind, min_count, files)
    tokenizer = Tokenizer.from_str(result["tokenizer"])
    if not same_file(tokenizer.to_str(pretty=True), result["tokenizer"]):
        sys.exit(f"{kind}: the package writes another file than ours")
    (eos,) = tokenizer.encode("").ids
    unknown = tokenizer.token_to_id("<unk>")
    whole = result["exact"] and unknown is None
    total = 0
    for file, ids, decoded in zip(files, result["ids"], result["decoded"], strict=True):
        text = file.read_bytes().decode()
        expected = theirs(tokenizer, result, text)
        if ids != expected:
            at = next((i for i, (a, b) in enumerate(zip(ids, expected)) if a != b), min(len(ids), len(expected)))
            tokens = [[tokenizer.id_to_token(i) for i in seq[max(0, at - 3) : at + 3]] for seq in (ids, expected)]
            sys.exit(f"{kind}, {file}: ids differ at {at}: ours {tokens[0]}, theirs {tokens[1]}")
        if result["kind"] != "foreign" and tokenizer.decode(ids) != decoded:
            sys.exit(f"{kind}, {file}: decoded texts differ")
        if (whole or result["exact"] and unknown not in ids) and decoded != text:
            sys.exit(f"{kind}, {file}: decoding does not restore the text")
        if not result["eos_ends_lines"] and (ids.count(eos) != 1 or ids[-1] != eos):
            sys.exit(f"{kind}, {file}: not exactly one <eos>")
        total += len(ids)
    return total


def trained(files: list[Path]) -> dict[str, Tokenizer]:
    """Tokenizers in the manner of well-known ones."""
    names = [str(file) for file in files]
    bert = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    bert.normalizer = normalizers.BertNormalizer()
    bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bert.decoder = decoders.WordPiece()
    bert.train(names, trainers.WordPieceTrainer(vocab_size=800, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    bert.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))

    t5 = Tokenizer(models.Unigram())
    t5.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " ")])
    t5.pre_tokenizer = pre_tokenizers.Metaspace()
    t5.decoder = decoders.Metaspace()
    t5.train(names, trainers.UnigramTrainer(vocab_size=8000, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))

    gpt = Tokenizer(models.BPE())
    gpt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    gpt.decoder = decoders.ByteLevel()
    gpt.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    gpt.train(names, trainers.BpeTrainer(vocab_size=800, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False))
    gpt.add_tokens([AddedToken("<tool>"), AddedToken("trailing", lstrip=True)])

    llama = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    llama.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    llama.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    fallback = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    llama.train(names, trainers.BpeTrainer(vocab_size=900, special_tokens=fallback, max_token_length=12, limit_alphabet=90, show_progress=False))
    return {"bert": bert, "t5": t5, "gpt": gpt, "llama": llama}


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
        for name, tokenizer in trained(files[1:]).items():
            path = Path(directory) / f"{name}.json"
            tokenizer.save(str(path))
            # Without pre-tokenisation pairs are joined across the places where elman cuts a line of more than 64 KiB (docs/FORMAT.md).
            some = files if tokenizer.pre_tokenizer else files[1:]
            total = check(command, str(path), 1, some)
            print(f"{name:10} of another program: {len(some)} texts, {total} ids identical", flush=True)
    print(f"identical to tokenizers {tokenizers.__version__}")


if __name__ == "__main__":
    main()
