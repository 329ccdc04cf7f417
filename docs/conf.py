"""Sphinx's settings: Markdown pages, and a reference made from the docstrings of the installed package."""

from __future__ import annotations

import kinspace

project = "Kinspace"
author = "the Kinspace developers"
copyright = "the Kinspace developers"
release = kinspace.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.intersphinx",
]
exclude_patterns = ["_site"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links of README and ARCHITECTURE that lead into the repository

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"  # nobody calls the constructors
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_param = False  # keeps "a, b : shape (dims,)" as it is written
napoleon_use_ivar = True  # attributes listed in a docstring may have docstrings of their own
napoleon_use_rtype = False
intersphinx_mapping: dict[str, tuple[str, None]] = {}  # none: the site is built without a network
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"Kinspace {release}"
html_copy_source = False
html_show_sphinx = False
