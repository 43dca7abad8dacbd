"""The frame is there on every way in, and looks right in light and dark, wide and narrow."""

import re
import tomllib

import pytest
from browser import APPS, DESKTOP, PHONE, ROOT, Watch, fresh_server, settled, shoot

from pages.frame.style import CSS, sparkline

DEEP = APPS / "deep" / "app.py"
PLUMBING = APPS / "plumbing.py"
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Of WCAG 2: 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the usual grey that just fails


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_theme_is_readable(mode):
    theme = THEME[mode]
    surfaces = [theme["backgroundColor"], theme["secondaryBackgroundColor"]]
    for text in ("textColor", "linkColor", "greenTextColor", "redTextColor"):
        assert min(contrast(theme[text], surface) for surface in surfaces) >= 4.5, text
    for colour in theme["chartCategoricalColors"]:
        assert min(contrast(colour, surface) for surface in surfaces) >= 3, colour
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # the words on a primary button
    assert len(theme["chartCategoricalColors"]) == 8


@pytest.mark.parametrize(("mode", "at"), [("light", 0), ("dark", 1)])
def test_cards_are_readable(mode, at):
    pairs = dict(re.findall(r"--kpi-(\w+): light-dark\((.*?)\)", CSS.read_text()))
    colours = {name: pair.split(", ")[at] for name, pair in pairs.items()}
    surfaces = [colours["surface"], THEME[mode]["backgroundColor"], THEME[mode]["secondaryBackgroundColor"]]
    for name in ("better", "worse", "quiet"):
        assert min(contrast(colours[name], surface) for surface in surfaces) >= 4.5, name


def test_style_sheet_survives_the_sanitizer():
    assert "<" not in CSS.read_text()


def test_sparkline_cannot_leave_its_attribute():
    assert not set(sparkline("""<svg a='"'>&;)</svg>""").removeprefix("--kpi-spark:url(&quot;")[:-7]) & set("\"'<>&;()")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1/x", True),
        ("ws://localhost:1/x", True),
        ("data:image/png;base64,", True),
        ("blob:http://127.0.0.1:1/x", True),
        ("https://fonts.gstatic.com/x", False),
        ("https://127.0.0.1.example.org/", False),
    ],
)
def test_watch_tells_what_leaves_the_machine(url, local):
    assert (Watch(requests=[url]).outside == []) is local


def test_pages_answer_without_a_browser(run_app):
    app = run_app(DEEP, q="x")
    assert [text.value for text in app.main.text] == ["body of start with x"]
    app.switch_page("pages/one.py").run()
    assert [text.value for text in app.main.text] == ["body of one with x"]
    app.button[0].click().run()
    assert "counted" in [text.value for text in app.main.text]
    assert app.sidebar.text[0].value == "the frame"


# --- real pages


@pytest.mark.browser
@pytest.mark.parametrize(("way", "name"), [("/", "start"), ("/one", "one")])
def test_a_link_opened_on_a_fresh_server_has_the_frame(pages, serve, way, name):
    server = serve(DEEP)
    page = pages.open(f"{server.url}{way}?q=x")
    assert page.get_by_text(f"body of {name} with x", exact=True).is_visible()
    assert page.get_by_text("the frame").is_visible()
    assert page.get_by_test_id("stSidebarNavLink").all_inner_texts() == ["Start page", "Page one"]
    assert page.url == f"{server.url}{way}?q=x"
    page.get_by_role("button", name="Count").click()
    page.get_by_text("counted").wait_for()


@pytest.fixture(scope="module")
def plumbing(chromium):
    with fresh_server(PLUMBING) as running:
        yield running


def colour(page, selector: str) -> str:
    return page.evaluate("s => getComputedStyle(document.querySelector(s)).color", selector)


TEAL, VERMILION = (
    {False: "rgb(0, 121, 107)", True: "rgb(77, 182, 172)"},
    {False: "rgb(200, 64, 26)", True: "rgb(255, 138, 101)"},
)


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_cards_follow_light_and_dark_and_fit(pages, plumbing, dark, size):
    page = pages.open(plumbing.url, dark=dark, size=size)
    assert colour(page, ".kpi-change.better") == TEAL[dark]
    assert colour(page, ".kpi-change.worse") == VERMILION[dark]
    assert colour(page, "[data-testid=stMetricDelta]") in (TEAL[dark], VERMILION[dark])
    widths = page.evaluate("[...document.querySelectorAll('.kpi-card')].map(card => card.offsetWidth)")
    assert len(widths) == 3
    assert min(widths) >= 220
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= size[0]
    shoot(page, f"plumbing-{'dark' if dark else 'light'}-{size[0]}")


@pytest.mark.browser
def test_the_menu_switches_to_dark_without_a_run(pages, plumbing):
    page = pages.open(plumbing.url)
    page.get_by_test_id("stMainMenu").click()
    page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    settled(page)
    assert colour(page, ".kpi-change.better") == TEAL[True]
    assert page.get_by_text("runs: 1", exact=True).is_visible()


@pytest.mark.browser
def test_the_server_starts_without_complaints(plumbing):
    assert not re.search("warn|error|deprecat", plumbing.log.read_text(), re.IGNORECASE)
