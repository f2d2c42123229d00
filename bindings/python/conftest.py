import os
import pathlib
import shutil

import pytest

# The tests may lie elsewhere than in the repository: `check` copies them.
REPOSITORY = pathlib.Path(os.environ.get("ELMAN_REPOSITORY", pathlib.Path(__file__).parents[2]))
DATA = REPOSITORY / "crates/cli/tests/score"


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A directory with a small ARPA file and a text, which is the current one."""
    for name in ["small.arpa", "small.txt"]:
        shutil.copy(DATA / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def doctest_room(request, tmp_path, monkeypatch):
    """The examples of docstrings run beside the small model."""
    if type(request.node).__name__ == "DoctestItem":
        request.getfixturevalue("room")
