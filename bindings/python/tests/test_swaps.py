"""Code of other packages, unmodified, with `elman.kenlm` in place of `kenlm`: it prints what it prints with `kenlm`.

Each program runs twice, in processes of their own. What is downloaded by the original is a local file here.
"""

import json
import math
import subprocess
import sys

import pytest

import elman

SWAP = "import sys, elman.kenlm\nsys.modules['kenlm'] = elman.kenlm\n"
SENTENCES = [
    "the king was calm",
    "a sheep went up to the sea",
    "  odd \t white  space ",
    "unknown words only",
    "the king , the sheep",
    "<unk> was calm",
]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    directory = tmp_path_factory.mktemp("swaps")
    text = ["the king was calm", "the king went up to the sea", "a sheep was calm , the sheep went up"] * 20
    elman.ngram.train(sentences=text, order=3).save(directory / "words.arpa")
    (directory / "text.txt").write_text("".join(f"{line}\n" for line in text))
    return directory


def both(program, room, *packages):
    """What a program prints as JSON in its last line, with elman.kenlm and with kenlm."""
    for package in ("kenlm", *packages):
        pytest.importorskip(package)
    printed = []
    for head in (SWAP, ""):
        code = f"{head}SENTENCES = {SENTENCES!r}\n{program}"
        done = subprocess.run([sys.executable, "-c", code], cwd=room, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        printed.append(json.loads(done.stdout.splitlines()[-1]))
    assert printed[0], "the program prints nothing"
    return printed


def same(ours, theirs):
    """Whether two values have the same shape, texts and, to 1e-4, numbers."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


def test_surprisal(room):
    ours, theirs = both(
        """
import json
from surprisal import KenLMModel
model = KenLMModel(model_path="words.arpa")
found = []
for ends in (True, False):
    for result in model.surprise(SENTENCES, use_bos_token=ends, use_eos_token=ends):
        found.append([list(result.tokens), [float(bits) for bits in result.surprisals], float(result[0:2, "word"])])
print(json.dumps(found))
""",
        room,
        "surprisal",
    )
    assert same(ours, theirs) and len(ours) == 2 * len(SENTENCES)


def test_perplexity_of_datatrove(room):
    """The perplexity of CCNet: as it is computed, as statistics, and as a filter in a pipeline."""
    ours, theirs = both(
        """
import json, os, shutil
import sentencepiece
import datatrove.utils.perplexity as perplexity
if not os.path.exists("pieces.model"):
    sentencepiece.SentencePieceTrainer.train(input="text.txt", model_prefix="pieces", vocab_size=40, hard_vocab_limit=False, minloglevel=2)
    import elman
    pieces = sentencepiece.SentencePieceProcessor(model_file="pieces.model")
    lines = [" ".join(pieces.encode_as_pieces(line)) for line in open("text.txt")]
    elman.ngram.train(sentences=lines, order=3).save("en.arpa")
# The one change: files that would be downloaded lie here.
perplexity.cached_asset_path_or_download = lambda url: "pieces.model" if url.endswith(".sp.model") else "en.arpa"
from datatrove.data import Document
from datatrove.pipeline.stats.perplexity_stats import CCNetPerplexityStats
from datatrove.pipeline.filters import LambdaFilter
from datatrove.executor.local import LocalPipelineExecutor
model = perplexity.KenlmModel.from_pretrained("wikipedia", "en")
found = [model.get_perplexity(sentence) for sentence in SENTENCES]
found += [model.get_perplexity("The King said: 12 \\u201ctimes\\u201d\\nwas calm", normalize_cc_net=normalize) for normalize in (True, False)]
shutil.rmtree("stats", ignore_errors=True)
stats = CCNetPerplexityStats("stats", "wikipedia", "en")
found.append([list(stats.extract_stats(Document(text=sentence, id="0")).values()) for sentence in SENTENCES])
bound = sum(sorted(found[:6])[2:4]) / 2
kept = []
def keep(data, rank=0, world_size=1):
    for document in data:
        kept.append(document.text)
        yield document
documents = [Document(text=sentence, id=str(number)) for number, sentence in enumerate(SENTENCES)]
shutil.rmtree("logs", ignore_errors=True)
LocalPipelineExecutor(
    [documents, LambdaFilter(lambda document: model.get_perplexity(document.text) < bound), keep], logging_dir="logs"
).run()
print(json.dumps([found, kept]))
""",
        room,
        "datatrove",
        "sentencepiece",
    )
    assert same(ours, theirs)
    assert len(ours[1]) == 3, "the filter keeps the likelier half"


def test_pyctcdecode(room):
    """What pyctcdecode's README does: decoding, beams, words to prefer, several models, a pool, a state between texts, and files."""
    ours, theirs = both(
        """
import json, multiprocessing, pathlib, shutil
import numpy as np
import kenlm
import pyctcdecode
from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel, build_ctcdecoder
from pyctcdecode.language_model import MultiLanguageModel
data = pathlib.Path(pyctcdecode.__file__).parent / "tests/sample_data"
logits = np.array(json.loads((data / "libri_logits.json").read_text()))
labels = [" ", *"abcdefghijklmnopqrstuvwxyz'"]
bunny = str(data / "bugs_bunny_kenlm.arpa")
def shown(beams):
    return [[beam[0], [list(map(str, word)) for word in beam[2]], float(beam[3]), float(beam[4])] for beam in beams[:5]]
found = []
for arpa in (bunny, "words.arpa"):
    decoder = build_ctcdecoder(labels, arpa, alpha=0.5, beta=1.0)
    found.append(decoder.decode(logits))
    beams = decoder.decode_beams(logits, beam_width=30)
    found.append(shown(beams))
    found.append(shown(decoder.decode_beams(logits, hotwords=["bugs", "milk"], prune_history=True)))
    found.append(shown(decoder.decode_beams(logits, lm_start_state=beams[0][1])))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found.append(decoder.decode_batch(pool, [logits, logits[:200]]))
    decoder.reset_params(alpha=0.1, beta=0.5, unk_score_offset=-5.0, lm_score_boundary=False)
    found.append(shown(decoder.decode_beams(logits)))
    shutil.rmtree("decoder", ignore_errors=True)
    pathlib.Path("decoder").mkdir()
    decoder.save_to_dir("decoder")
    found.append(BeamSearchDecoderCTC.load_from_dir("decoder").decode(logits))
several = MultiLanguageModel([LanguageModel(kenlm.Model(arpa), ["bugs", "bunny", "king"]) for arpa in (bunny, "words.arpa")])
found.append(shown(BeamSearchDecoderCTC(Alphabet.build_alphabet(labels), several).decode_beams(logits)))
found.append([several.order, float(several.score_partial_token("bu")), float(several.score_partial_token("zz"))])
print(json.dumps(found))
""",
        room,
        "pyctcdecode",
    )
    assert same(ours, theirs) and len(ours) == 16
