"""The page as people see it: in Chromium, at three widths, in light and dark."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from devstack.stack import Stack
from tests.page.browsing import SCHEMES, WIDTHS, visit
from tests.page.conftest import PUBLISHER, Told

pytestmark = pytest.mark.integration

PATH = "/api/cancellations"


def story(offer: str, request_id: str) -> str:
    return f"{PATH}?publisherId={PUBLISHER}&offerId={offer}&id={request_id}"


PAGES: Mapping[str, Callable[[Told], str]] = {
    "list": lambda told: PATH,
    "filtered": lambda told: f"{PATH}?publisherId={PUBLISHER}&outcome=canceled&top=10",
    "later": lambda told: f"{PATH}?top=1",
    "open": lambda told: story("an-offer-whose-name-is-as-long-as-a-name-can-be-50", told.stuck),
    "canceled": lambda told: story("canceled-vm", told.canceled),
    "too-late": lambda told: story("too-late-vm", told.too_late),
    "wrong": lambda told: f"{PATH}?status=<script>alert(1)</script>",
    "unknown": lambda told: story("canceled-vm", told.stuck),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_it(
    browser: Browser, stack: Stack, told: Told, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    with visit(browser, width=width, scheme=scheme) as visited:
        answered = visited.page.goto(stack.url + PAGES[name](told))
        assert answered is not None
        assert answered.status == {"wrong": 400, "unknown": 404}.get(name, 200)
        visited.keep(tmp_path, f"{name}-{width}-{scheme}")
        assert visited.overflow == 0
        assert visited.violations() == []


@pytest.mark.parametrize("name", PAGES)
def test_it_loads_nothing_and_the_browser_has_nothing_to_refuse(
    browser: Browser, stack: Stack, told: Told, name: str
) -> None:
    with visit(browser) as visited:
        url = stack.url + PAGES[name](told)
        visited.page.goto(url)
        expect(visited.page.get_by_role("heading", level=1)).to_be_visible()
        assert [kind for kind, _ in visited.asked_for] == ["document"]
        # An error's status is all that it may complain of.
        assert [each for each in visited.complaints if "status of 40" not in each] == []


def test_dark_is_dark_and_light_is_light(browser: Browser, stack: Stack) -> None:
    seen = {}
    for scheme in SCHEMES:
        with visit(browser, scheme=scheme) as visited:
            visited.page.goto(stack.url + PATH)
            color = visited.page.evaluate("getComputedStyle(document.body).backgroundColor")
            seen[scheme] = sum(map(int, re.findall(r"\d+", color)[:3]))
    assert seen["dark"] < 200 < 600 < seen["light"]


def test_filters_are_set_without_a_script_and_survive_a_reload(
    browser: Browser, stack: Stack, told: Told
) -> None:
    with visit(browser, has_scripts=False) as visited:
        page = visited.page
        page.goto(stack.url + PATH)
        page.get_by_text("Filter", exact=True).click()
        page.get_by_label("Publisher").fill(PUBLISHER)
        page.get_by_label("Outcome").select_option("completed-first")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**outcome=completed-first**")
        for _ in range(2):
            expect(page.get_by_label("Publisher")).to_have_value(PUBLISHER)
            expect(page.get_by_label("Outcome")).to_have_value("completed-first")
            expect(page.get_by_role("link", name="too-late-vm")).to_be_visible()
            expect(page.get_by_role("link", name="canceled-vm")).to_have_count(0)
            page.reload()
        page.get_by_role("link", name="Show everything").click()
        expect(page.get_by_role("link", name="canceled-vm")).to_be_visible()


def test_the_key_in_the_address_goes_along_wherever_one_goes(
    browser: Browser, stack: Stack, told: Told
) -> None:
    key = "k/e+y=="
    with visit(browser, has_scripts=False) as visited:
        page = visited.page

        def has_key() -> None:
            assert parse_qs(urlsplit(page.url).query)["code"] == [key]

        page.goto(f"{stack.url}{PATH}?code=k%2Fe%2By%3D%3D&top=1")
        page.get_by_role("link", name="Older ones").click()
        page.wait_for_url("**continuation=**")
        has_key()
        page.get_by_role("link", name=re.compile("-vm")).first.click()
        page.wait_for_url("**id=**")
        has_key()
        page.get_by_role("link", name="All cancellations").click()
        expect(page.get_by_role("heading", name="Cancellations", exact=True)).to_be_visible()
        has_key()
        page.get_by_text("Filter", exact=True).click()
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**status=**")
        has_key()


def test_a_screen_reader_finds_headings_lists_and_names(
    browser: Browser, stack: Stack, told: Told
) -> None:
    with visit(browser) as visited:
        page = visited.page
        page.goto(stack.url + PATH)
        assert page.get_by_role("heading", level=2).all_inner_texts() == [
            "Open, the longest first",
            "Poisoned",
            "Ended, the newest request first",
        ]
        ended = page.get_by_role("region", name="Ended")
        expect(ended.get_by_role("listitem")).to_have_count(2)
        expect(page.get_by_role("region", name="Poisoned")).to_contain_text(told.poisoned)
        page.goto(stack.url + PAGES["too-late"](told))
        assert page.title().startswith("NOT canceled. THE OFFER MAY BE OUT.")
        steps = page.get_by_role("region", name="Time line").get_by_role("listitem")
        assert steps.count() >= 5
        expect(steps.first).to_contain_text("Request accepted")
        expect(steps.last).to_contain_text("Mail sent")


def test_hostile_words_are_words(browser: Browser, stack: Stack, told: Told) -> None:
    with visit(browser) as visited:
        visited.page.on("dialog", lambda dialog: pytest.fail("a script ran"))
        visited.page.goto(stack.url + PAGES["open"](told))
        expect(visited.page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
        assert visited.page.locator("script, img").count() == 0


def test_every_control_can_be_reached_by_the_keyboard(browser: Browser, stack: Stack) -> None:
    with visit(browser) as visited:
        page = visited.page
        page.goto(stack.url + PATH + "?outcome=canceled")
        names = []
        for _ in range(12):
            page.keyboard.press("Tab")
            names.append(page.evaluate("document.activeElement.name || ''"))
        reached = [name for name in names if name]
        assert reached == ["publisherId", "offerId", "status", "outcome", "top"]
