# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site of what ``build.py`` put together."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = Path(os.environ["SITE_SOURCES"])

project = "wallaroo.resilience"
author = "The wallaroo.resilience contributors"
version = release = os.environ["COLLECTION_VERSION"]
# No year: the same sources make the same pages.
copyright = author  # noqa: A001 - what Sphinx calls it

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
exclude_patterns = ["**/_*"]

# Anchors as GitHub makes them of headings, so that a link works in both places.
myst_heading_anchors = 4

# Places of Ansible's own documentation that the pages of plugins name; they are listed, since a build needs no network.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ANSIBLES_PLACES = """
action_plugins std:label -1 plugins/action.html#action-plugins Action plugins
callback_plugins std:label -1 plugins/callback.html#callback-plugins Callback plugins
common_return_values std:label -1 reference_appendices/common_return_values.html#common-return-values Return Values
ansible_configuration_settings std:label -1 reference_appendices/config.html#ansible-configuration-settings Settings
ANSIBLE_STDOUT_CALLBACK std:envvar 1 reference_appendices/config.html#envvar-$ -
NO_COLOR std:envvar 1 reference_appendices/config.html#envvar-$ -
"""
INVENTORY = SOURCES / "_ansible.inv"
INVENTORY.write_bytes(
    b"# Sphinx inventory version 2\n# Project: ansible\n# Version: \n"
    b"# The remainder of this file is compressed using zlib.\n" + zlib.compress(ANSIBLES_PLACES.lstrip().encode())
)
intersphinx_mapping = {"ansible": (ANSIBLE, str(INVENTORY))}

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autoclass_content = "both"
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
# The colours of plugins' tables are those of the theme, which has them for the light and for the dark.
antsibull_ext_color_scheme = "none"
FOR_BOTH = {
    "antsibull-links-background": "var(--color-background-hover)",
    "antsibull-links-background-active": "var(--color-background-border)",
    "antsibull-links-focus-outline": "var(--color-brand-primary)",
    "antsibull-links-text": "var(--color-link)",
    "antsibull-table-background-header": "var(--color-table-header-background)",
    "antsibull-table-background-even": "var(--color-background-secondary)",
    "antsibull-table-background-odd": "var(--color-background-primary)",
    "antsibull-table-border": "var(--color-table-border)",
    "antsibull-narrowtable-background": "var(--color-background-secondary)",
    "antsibull-option-sample-header": "var(--color-foreground-primary)",
    "antsibull-attribute-support-na": "inherit",
    "antsibull-deprecation-border": "var(--color-background-border)",
    "antsibull-deprecation-background": "var(--color-background-secondary)",
    "antsibull-deprecation-color": "var(--color-foreground-primary)",
}


def _coloured(kind: str, must: str, version: str, value: str, support: tuple[str, str, str]) -> dict[str, str]:
    none, partial, full = support
    return {
        **FOR_BOTH,
        "antsibull-option-type": kind,
        "antsibull-option-elements": kind,
        "antsibull-option-required": must,
        "antsibull-option-version-added": version,
        "antsibull-option-aliases": version,
        "antsibull-option-default": value,
        "antsibull-option-sample": value,
        "antsibull-attribute-support-none": none,
        "antsibull-attribute-support-partial": partial,
        "antsibull-attribute-support-full": full,
    }


html_theme_options = {
    "light_css_variables": _coloured("#7a1f7a", "#b3261e", "#0b6b3a", "#1d4fbf", ("#b3261e", "#7a6400", "#0b6b3a")),
    "dark_css_variables": _coloured("#e39be3", "#ff8a80", "#7bd88f", "#a3b8ff", ("#ff8a80", "#d6c24a", "#7bd88f")),
}
html_title = f"resilience {version}"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
highlight_language = "none"
