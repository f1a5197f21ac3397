"""Sphinx configuration of the reviewer's companion; `make docs` builds it, warnings are errors."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

project = "armor-d"
author = "the armor-d developers"
release = version = installed("armor-d")
copyright = "2026, the armor-d developers, Apache-2.0"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "sphinxcontrib.katex",
    "sphinx_copybutton",
    "sphinx_design",
    "companion",
]
exclude_patterns = [
    "_build",
    "worked",
    "tutorials",
    "recorded",
    "evidence",
    "generated/fragments",
    "examples/*.py",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
suppress_warnings = ["config.cache"]  # the gallery's sort key is a class
nitpicky = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_block", "attrs_inline", "linkify"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
myst_linkify_fuzzy_links = False

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"

katex_prerender = True
katex_css_path = "katex/katex.min.css"

html_theme = "furo"
html_title = "armor-d"
html_static_path = ["_static"]
html_css_files = ["companion.css"]
html_domain_indices = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1a5fb4", "color-brand-content": "#1a5fb4"},
    "dark_css_variables": {"color-brand-primary": "#78aeed", "color-brand-content": "#78aeed"},
    "top_of_page_buttons": [],
}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["generated/tutorials"],
    "filename_pattern": r"/tutorial_",
    "image_scrapers": ("matplotlib",),
    "abort_on_example_error": True,
    "min_reported_time": 60,
    "write_computation_times": False,
    "show_signature": False,
    "show_memory": False,
    "download_all_examples": False,
    "copyfile_regex": r"$^",
    "within_subsection_order": "FileNameSortKey",
}
