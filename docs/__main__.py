"""Writes the generated parts again: `catalogue.md` from the code and its texts, the outputs of `quickstart.ipynb`."""

from docs import catalogue, notebook

catalogue.PAGE.write_text(catalogue.page(), encoding="utf-8", newline="\n")
notebook.write(notebook.executed())
