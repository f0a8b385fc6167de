"""What the site takes from the repository is whole; `make docs` builds it and follows its links."""

from __future__ import annotations

import re

import splitfog as sf
from tests.docs.pages import FOLDER, table

DIRECTIVE = re.compile(r"^\.\. auto(?:function|class|exception|module|data):: ([\w.]+)$", re.M)


def test_every_public_name_is_in_the_reference() -> None:
    """Once, on one of the pages of `docs/api`, and no name that is not public."""
    found = [
        name.removeprefix("splitfog.")
        for page in (FOLDER / "api").glob("*.rst")
        for name in DIRECTIVE.findall(page.read_text())
    ]
    assert sorted([*found, "__version__"]) == sorted(dir(sf))


def test_choosing_names_every_exact_solver() -> None:
    """In the table of `choosing.md`, but for `auto`; what it asks for is there."""
    asked = " ".join(cells[-1] for cells in table("choosing.md", "Which solver?").values())
    named = set(re.findall(r"`([a-z][\w-]*)`", asked))
    exact = {info.name for info in sf.solvers() if info.kind == "exact"} - {"auto"}
    assert exact <= named <= {info.name for info in sf.solvers()}
