"""Run the code of a notebook, and compare what it shows with what the notebook says it shows.

    python harness/notebook.py NOTEBOOK

This is what `jupyter nbconvert --execute` does, for notebooks of plain Python with text as output,
without the dozens of packages of Jupyter. Format: https://nbformat.readthedocs.io, version 4.
"""

import ast
import contextlib
import io
import json
import sys
from pathlib import Path


def run_cell(source, names):
    """Run one cell; return what it prints, and the repr of its last expression or None."""
    parsed = ast.parse(source)
    last = parsed.body.pop() if parsed.body and isinstance(parsed.body[-1], ast.Expr) else None
    printed, shown = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(parsed, "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
            shown = None if value is None else repr(value)
    return printed.getvalue(), shown


def outputs_of(cell):
    """Return what the notebook says that a cell prints and shows."""
    printed, shown = "", None
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            printed += "".join(output["text"])
        else:
            shown = "".join(output["data"]["text/plain"])
    return printed, shown


def run(notebook):
    """Run a notebook, a dictionary; AssertionError for a cell that shows something else."""
    names = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        source = "".join(cell["source"])
        got, expected = run_cell(source, names), outputs_of(cell)
        if got != expected:
            raise AssertionError(f"{source}\nshows {got}\nand not {expected}")
    return len(cells)


if __name__ == "__main__":
    print(run(json.loads(Path(sys.argv[1]).read_text())), "cells")
