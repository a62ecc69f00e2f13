"""What every page goes out with."""

import base64
import hashlib
import re

import pytest

from shared.page.frame import HEADERS, Links, framed
from shared.page.markup import element
from shared.page.problem import problem_page
from tests.page.builders import NOW, Read

PAGE = framed("A title", element("h1", "A heading"), links=Links(), now=NOW)


def test_the_browser_may_take_the_style_sheet_and_nothing_else() -> None:
    [style] = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert HEADERS["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def test_a_page_has_no_script_and_loads_nothing() -> None:
    names = {name for name, _ in Read(PAGE).tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base"})
    [style] = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_a_page_is_kept_nowhere_and_tells_nobody_its_address() -> None:
    assert HEADERS["Cache-Control"] == "no-store"
    assert HEADERS["Referrer-Policy"] == "no-referrer"
    assert HEADERS["X-Content-Type-Options"] == "nosniff"


def test_a_page_tells_its_language_its_title_and_as_of_when_it_is() -> None:
    read = Read(PAGE)
    assert next(read.attributes("html")) == {"lang": "en"}
    assert "<title>A title - Offer Cancel</title>" in PAGE
    assert "As of 2026-03-04 05:06:07 UTC" in read.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_an_error_is_told_in_plain_words_with_a_way_on(status: int) -> None:
    read = Read(problem_page(status, "<offerId> is wrong.", links=Links("key"), now=NOW))
    assert "<offerId> is wrong." in read.text
    assert str(status) not in read.text
    assert read.links()[-1] == ("/.auth/login/aad" if status == 401 else "?code=key")
    assert [name for name, _ in read.tags].count("h1") == 1
