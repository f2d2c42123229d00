"""The notebook that teaches the chapter: it runs, and prints what stands in it."""

import os
import pathlib

import pytest

NOTEBOOK = pathlib.Path(__file__).parents[1] / "notebooks/chapter.ipynb"
REPOSITORY = os.environ.get("ELMAN_REPOSITORY", str(pathlib.Path(__file__).parents[3]))


def printed(notebook):
    """What each cell prints, and how many pictures it draws."""
    found = []
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
        pictures = sum("image/png" in output.get("data", {}) for output in outputs)
        found.append((text, pictures))
    return found


def test_the_notebook_prints_what_stands_in_it(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("ELMAN_REPOSITORY", REPOSITORY)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    expected = printed(notebook)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(tmp_path))
    assert printed(notebook) == expected
    assert sum(pictures for _, pictures in expected) == 5


def test_the_notebook_is_small_and_clean():
    text = NOTEBOOK.read_text()
    assert len(text) < 300_000
    assert '"execution"' not in text and "/tmp" not in text, "times and paths of a machine do not belong there"
