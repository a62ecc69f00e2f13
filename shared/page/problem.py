"""What went wrong, as a page in plain words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from shared.page.frame import Links, framed
from shared.page.markup import element, joined

_HEADLINES: Final[Mapping[int, str]] = {
    400: "This address cannot be right.",
    401: "You are not signed in.",
    403: "You may not see this.",
    404: "There is no such request.",
    503: "Offer Cancel cannot look right now.",
}
_STEPS: Final[Mapping[int, str]] = {
    400: "Correct it, or begin with the whole list.",
    401: "Sign in, then open this page's address again.",
    403: "Ask whoever runs Offer Cancel, or look at another publisher.",
    404: "It may be too old to be kept. Check its publisher, its offer and its id.",
    503: "Requests are not lost by that. Reload the page in a moment.",
}
# App Service's own; led back from there, the key in the page's address would get to Entra.
_SIGN_IN: Final = "/.auth/login/aad"
_OTHERWISE: Final = ("Something went wrong.", "The log says what. Reload the page in a moment.")


def problem_page(status_code: int, message: str, *, links: Links, now: datetime) -> str:
    """The page that stands for an error of this HTTP status.

    Args:
        status_code: What the page goes out with.
        message: What an error's envelope would say.
        links: Where links lead.
        now: As of when it is.
    """
    headline = _HEADLINES.get(status_code, _OTHERWISE[0])
    words, where = "All cancellations", links.to()
    if status_code == 401:
        words, where = "Sign in with Microsoft Entra", _SIGN_IN
    content = joined(
        (
            element("h1", headline),
            element("p", message, dir="auto"),
            element("p", _STEPS.get(status_code, _OTHERWISE[1])),
            element("p", element("a", words, href=where)),
        )
    )
    return framed(headline, element("div", content, class_="card"), links=links, now=now)
