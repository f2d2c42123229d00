"""The examples of the package's README run, one after the other."""

import os
import pathlib
import re

import pytest

README = pathlib.Path(__file__).parents[1] / "README.md"
REPOSITORY = pathlib.Path(os.environ.get("ELMAN_REPOSITORY", pathlib.Path(__file__).parents[3]))


def test_the_examples_run(tmp_path, monkeypatch):
    pytest.importorskip("numpy")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    lines = (REPOSITORY / "data/kjv.txt").read_text().splitlines(keepends=True)[:300]
    (tmp_path / "data/kjv.txt").write_text("".join(lines))
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 4
    names = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    assert names["flow"].verdict in ("vanishing", "stable", "exploding")
    assert names["kenlm"].__name__ == "elman.kenlm" and names["mixed"].order == 3
