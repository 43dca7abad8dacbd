"""Makes a fresh server start as it goes on: with the frame, and with a quiet garbage collector."""

import functools
import gc

# NOTE: Altair looks for pandas in `sys.modules`. Imported lazily in one visitor's run, a half-loaded pandas breaks
# the charts of another's, so it is loaded before anything is drawn.
import pandas  # noqa: F401
import streamlit as st


def ensure_frame() -> None:
    """Leaves a page that runs without its frame and starts again with it.

    First line of app.py and of every page. Until `st.navigation` has run once in a process, Streamlit takes the
    folder `pages/` for an old multipage app: a deep link then runs the bare page, and the menu lists file names.
    """
    from streamlit.runtime.pages_manager import PagesManager

    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


@functools.cache
def tune() -> None:
    """Hides what is loaded by now from the garbage collector, once per process.

    Streamlit collects after every run; most of what it walks through are modules that never die. Call it last in
    the first run, when they are loaded: it takes a rerun from about 100 ms to 30 ms of CPU.
    """
    gc.collect()
    gc.freeze()
