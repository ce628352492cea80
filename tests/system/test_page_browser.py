"""The page in Debian's Chromium, over a daemon and meters as users have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from tools.browser import Browser
from tools.gateway.build.cache import ToolMissing
from tools.gateway.build.third_party import npm
from tools.page_site import METER_SECRET, PASSWORD, Site, enter, site

AXE = ("axe-core@4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")
VIEWS = {
    "#/": "Array.from(document.querySelectorAll('[data-device]')).length === 3",
    "#/meter/house": "document.querySelector('#signals tr') !== null && document.querySelector('#frames pre') !== null",
    "#/ports": "document.querySelector('h1').textContent === 'Ports'",
    "#/log": "document.querySelector('h1').textContent === 'Event log'",
    "#/sinks": "document.querySelector('h1').textContent === 'Sinks'",
    "#/configuration": "document.querySelector('h1').textContent === 'Configuration'",
    "#/configuration/house": "document.querySelector('caption') !== null",
}  # fmt: skip


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    needs("chromium")
    with site(password=PASSWORD, api_key="k3y-of-the-scada-9") as made:
        yield made


@pytest.fixture
def browser(place: Site) -> Iterator[Browser]:
    with Browser(needs("chromium")) as made:
        made.size(1180, 820)
        yield made


def clean(browser: Browser, place: Site) -> None:
    """Nothing was complained of, and nothing fetched from elsewhere."""
    assert browser.logged == []
    assert [each for each in browser.fetched if not each.startswith((place.address + "/", "about:", "data:"))] == []


def test_why_a_meter_is_not_read_stands_at_first_sight(browser: Browser, place: Site) -> None:
    enter(browser, place.address)
    browser.until("document.querySelectorAll('.ill .try').length >= 2")
    first = browser.run("document.querySelector('.ill').getBoundingClientRect().bottom")
    assert first < 400  # on the first screen
    words = browser.run("document.querySelector('.ill').innerText")
    assert "Cellar, tenant 3" in words and "it cannot be reached" in words
    assert "Connection refused" in words and "Try: Check ip and port" in words
    assert browser.run("document.title") == "Meters – meterd"
    clean(browser, place)


def test_it_is_live_without_being_asked(browser: Browser, place: Site) -> None:
    enter(browser, place.address)
    browser.run("location.hash = '#/meter/house'")
    value = "document.querySelector('tr[data-signal=v1_8_0] td').innerText"
    browser.until("document.querySelector('tr[data-signal=v1_8_0] td') !== null")
    seen = browser.run(value)
    pages = len([each for each in browser.fetched if "/data/meter?" in each])
    browser.until(value, lambda found: found != seen and found.endswith("kWh"))
    browser.until("document.querySelector('tr[data-signal=v1_8_0] svg.spark path') !== null")
    assert len([each for each in browser.fetched if "/data/meter?" in each]) == pages
    assert browser.run("document.getElementById('link').textContent") == "live"
    clean(browser, place)


def test_a_meter_is_read_now_by_keyboard_alone(browser: Browser, place: Site) -> None:
    enter(browser, place.address)
    link = "document.activeElement.getAttribute('href')"
    browser.until("document.querySelector('a[href=\"#/meter/house\"]') !== null")
    for _ in range(40):
        browser.press("Tab", 9)
        if browser.run(link) == "#/meter/house":
            break
    assert browser.run(link) == "#/meter/house"
    browser.press("Enter", 13)
    browser.until("document.getElementById('read') !== null")
    for _ in range(40):
        browser.press("Tab", 9)
        if browser.run("document.activeElement.id") == "read":
            break
    browser.press("Enter", 13)
    browser.until("document.getElementById('said').textContent", lambda words: "was read." in words)
    clean(browser, place)


@pytest.mark.parametrize(("width", "dark"), [(1180, False), (360, True)])
def test_every_view_fits_and_is_open_to_everybody(browser: Browser, place: Site, width: int, dark: bool) -> None:
    try:
        axe = (npm(*AXE) / "axe.min.js").read_text()
    except ToolMissing as missing:
        pytest.skip(f"{missing}: it brings axe-core")
    browser.size(width, 800, dark)
    browser.open(place.address)
    browser.until("document.getElementById('password') !== null")
    browser.run(axe)
    found = {"enter": violations(browser)}
    enter(browser, place.address)
    browser.run(axe)
    for view, shown in VIEWS.items():
        browser.run(f"location.hash = '{view}'")
        browser.until(shown)
        found[view] = violations(browser)
        assert browser.run("document.documentElement.scrollWidth <= window.innerWidth"), view
    assert found == {view: [] for view in found}
    clean(browser, place)


def violations(browser: Browser) -> list[str]:
    """What axe finds, by rule with the place; transitions are over."""
    browser.until("document.getAnimations().length === 0")
    return list(
        browser.run(
            "axe.run().then(r => r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html.slice(0, 80)).join(' | ')))"
        )
    )


def test_secrets_are_nowhere_in_it(browser: Browser, place: Site) -> None:
    enter(browser, place.address)
    for view, shown in VIEWS.items():
        browser.run(f"location.hash = '{view}'")
        browser.until(shown)
        whole = browser.run("document.documentElement.outerHTML")
        for secret in (PASSWORD, METER_SECRET, METER_SECRET.encode().hex(" ")):
            assert secret not in whole
    assert "***" in browser.run("document.body.innerText")


def test_a_wrong_password_is_told_and_the_page_closed_again(browser: Browser, place: Site) -> None:
    browser.open(place.address)
    browser.until("document.activeElement !== null && document.activeElement.id === 'password'")
    browser.type("not the password")
    browser.press("Enter", 13)
    browser.until("document.getElementById('said').textContent", lambda words: "not the password" in words)
    enter(browser, place.address)
    browser.run("document.getElementById('leave').click()")
    browser.until("document.getElementById('password') !== null")
    assert browser.run("fetch('/data/meters').then(a => a.status)") == 401


def test_without_uplot_it_draws_itself_and_is_for_reading_only() -> None:
    path = needs("chromium")
    with site() as made, Browser(path) as browser:
        browser.open(made.address + "/#/meter/house")
        browser.until("document.querySelectorAll('#signals svg').length > 0")
        browser.run("site.chart = false")
        browser.run("document.querySelector('#signals button').click()")
        browser.until("document.querySelector('#plot svg path') !== null")
        assert browser.run("document.getElementById('read')") is None
        assert "For reading only" in browser.text()
        clean(browser, made)


def test_the_pictures_of_the_documentation_are_there() -> None:
    pictures = Path(__file__).parents[2] / "docs" / "pictures"
    for name in ("page-meters", "page-meter", "page-narrow"):
        assert (pictures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
