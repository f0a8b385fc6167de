"""How Sphinx builds the site (`make docs`): the pages of `docs/`, the notebooks, the evidence.

The source is the repository itself, so that links between its pages hold there and on the site.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import splitfog

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("SPLITFOG_QUICK", "1")

project = "splitfog"
version = release = splitfog.__version__
copyright = "the splitfog authors, Apache-2.0"

extensions = [
    "generated",
    "math_svg",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_design",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "docs/api/*.rst",
    "notebooks/*.py",
    "notebooks/STUDY.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = [".*", "build", "dist", "out", "splitfog", "tests"]
nitpicky = True
highlight_language = "none"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # sums, violations: what the tests compute

nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parents[1] / "build" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_timeout = 300

default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "splitfog"
html_static_path = [str(HERE / "static")]
html_css_files = ["splitfog.css"]
html_additional_pages = {"index": "to_front.html"}
templates_path = [str(HERE / "templates")]
html_copy_source = False
html_sidebars: dict[str, list[str]] = {"docs/tutorial": []}
html_theme_options = {
    "logo": {"text": "splitfog"},
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
