"""The look of cards; what they look like stands in style.css, with the list of its classes."""

from pathlib import Path
from urllib.parse import quote

import streamlit as st

CSS = Path(__file__).with_name("style.css")


def style() -> None:
    """Gives the run its style sheet. Once per run, anywhere: it takes no place."""
    st.html(CSS)


def sparkline(svg: str) -> str:
    """The `style` attribute that shows a drawing in an element of class `kpi-spark`, in the colour of the theme.

    NOTE: st.html drops inline svg, and a drawing in an img does not know light from dark. As a mask it lends its
    shape (opacity counts, colour does not) to a surface that does.

    Args:
        svg: With `xmlns`, a `viewBox` and preserveAspectRatio="none": it is stretched to the card's width.
    """
    return f"--kpi-spark:url(&quot;data:image/svg+xml,{quote(svg)}&quot;)"
