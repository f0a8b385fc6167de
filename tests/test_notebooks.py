"""Every notebook runs from top to bottom."""

from importlib.util import find_spec
from pathlib import Path

import jupytext
import nbclient
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
NEEDS = {"06_real_model": "rapidocr_onnxruntime"}


def test_there_are_notebooks() -> None:
    """The parametrised test below is not empty."""
    assert NOTEBOOKS


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's own machinery
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell raises; a trained model comes out of a package that may be missing."""
    if path.stem in NEEDS and find_spec(NEEDS[path.stem]) is None:
        pytest.skip(f"{NEEDS[path.stem]} is not installed (tests/models.txt)")
    notebook = jupytext.read(path)
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3")
    monkeypatch.setenv("SPLITFOG_QUICK", "1")
    client.execute(cwd=str(FOLDER))
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")
