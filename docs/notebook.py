"""The quickstart notebook: executed offline, and kept with the outputs that a reader of the page needs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

PAGE = Path(__file__).with_name("quickstart.ipynb")
ROOT = PAGE.parents[1]
KEPT = ("text/html", "image/png", "text/plain")
"""What is kept of an output; an interactive chart is drawn anew wherever the notebook runs."""


def read() -> NotebookNode:
    """The notebook as it is kept."""
    return nbformat.read(PAGE, as_version=4)


def executed(seconds: int = 120) -> NotebookNode:
    """The notebook, run from its folder with this checkout's `kpi`.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails; it names the cell and the error.
    """
    notebook = read()
    client = NotebookClient(
        notebook, timeout=seconds, kernel_name="python3", resources={"metadata": {"path": PAGE.parent}}
    )
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": paths}))
    return notebook


def write(notebook: NotebookNode) -> None:
    """Writes the notebook with its outputs, without anything that differs from one run to the next."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_small, cell.outputs) if output]
    PAGE.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


def texts(notebook: NotebookNode) -> list[list[str]]:
    """What each code cell shows, as text: what the kept outputs and a new run must agree on."""
    return [
        [output.get("text") or output["data"].get("text/plain", "") for output in map(_small, cell.outputs) if output]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def _small(output: NotebookNode) -> NotebookNode | None:
    """The output as far as it is kept; None for warnings and interactive charts."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if any("widget" in kind for kind in output.data):
        return None
    data = {kind: content for kind, content in output.data.items() if kind in KEPT}
    if "image/png" in data:
        data["text/plain"] = "(picture)"
    return nbformat.from_dict({**output, "data": data, "metadata": {}})
