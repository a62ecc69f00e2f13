"""A browser as people have one, and what it makes of a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect, sync_playwright

NEEDED = "NEED_CHROMIUM"  # set where a run without a browser would be no run
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# It talks to the page's own host and to nobody else.
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
WIDTHS = (320, 768, 1280)
_PATIENCE_MILLISECONDS = 60_000  # only ends a test that has failed
SCHEMES = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; skips the test where there is none, unless it is needed."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        missing = "no Chromium is installed on this machine (Debian: apt-get install chromium)"
        pytest.fail(missing) if os.environ.get(NEEDED) else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One window, and everything that it asked for or complained of.

    Attributes:
        page: The window.
        asked_for: Each request, as its type and address.
        complaints: What the console was told, refusals by the security policy among it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked_for: list[tuple[str, str]] = []
        self.complaints: list[str] = []
        page.on("request", lambda each: self.asked_for.append((each.resource_type, each.url)))
        page.on("console", lambda each: self.complaints.append(each.text))
        page.on("pageerror", lambda each: self.complaints.append(str(each)))

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        found = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return int(found)

    def violations(self) -> list[str]:
        """What axe-core finds wrong, best practices included."""
        found = Axe().run(self.page)
        return [
            f"{rule['id']}: {node['html'][:200]}"
            for rule in (*found.response["violations"], *found.response["incomplete"])
            for node in rule["nodes"]
        ]

    def keep(self, folder: Path, name: str) -> None:
        """Leave a picture for people to look at."""
        self.page.screenshot(path=folder / f"{name}.png", full_page=True)


@contextmanager
def visit(
    browser: Browser, *, width: int = 1280, scheme: str = "light", has_scripts: bool = True
) -> Iterator[Visit]:
    """A window that is closed afterwards, with nothing remembered from others."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=has_scripts,
    )
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    try:
        yield Visit(context.new_page())
    finally:
        context.close()
