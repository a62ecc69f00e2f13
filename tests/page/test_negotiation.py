import pytest

from shared.page.negotiation import wants_html

CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,"
    "image/avif,image/webp,image/apng,*/*;q=0.8"
)


@pytest.mark.parametrize(
    "accept",
    [
        CHROME,
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "text/html, */*",
        "application/json;q=0.5, text/html;q=0.6",
        "text/html;q=0.9, application/*;q=0.8, */*",
        "text/html, application/json;q=0",
    ],
)
def test_who_prefers_html_gets_html(accept: str) -> None:
    assert wants_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/json, text/plain, */*",
        "text/html, application/json",
        "text/html;q=0.5, application/json;q=0.9",
        "text/html;q=0.5, */*",
        "text/html;q=0",
        "text/html;q=much",
        "text/*",
        ",;=;,q=1",
    ],
)
def test_who_does_not_gets_json(accept: str) -> None:
    assert not wants_html(accept)
