"""What the site takes from the repository is whole; `make docs` builds it and follows its links."""

from __future__ import annotations

import re

import splitfog as sf
from tests.docs.pages import FOLDER

DIRECTIVE = re.compile(r"^\.\. auto(?:function|class|exception|module|data):: ([\w.]+)$", re.M)


def test_every_public_name_is_in_the_reference() -> None:
    """Once, on one of the pages of `docs/api`, and no name that is not public."""
    found = [
        name.removeprefix("splitfog.")
        for page in (FOLDER / "api").glob("*.rst")
        for name in DIRECTIVE.findall(page.read_text())
    ]
    assert sorted([*found, "__version__"]) == sorted(dir(sf))
