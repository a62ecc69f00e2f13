"""The text/html part. Every value is escaped, nothing is loaded from elsewhere.

Colors are inline for mail programs that drop ``<style>``; the style block only adds the dark
scheme and stacks the details on narrow screens.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final

from shared.notification.content import Content
from shared.notification.wording import PARTNER_CENTER_URL, Tone

_FONT = "font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_WRAP = "overflow-wrap:anywhere;word-break:break-word"
_BANNERS: Final[Mapping[Tone, str]] = {
    "good": "#0b6a32",
    "bad": "#a4161a",
    "unclear": "#7a4b00",
}
_STYLE = """
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background:#15181c!important;color:#e8eaed!important}
.card{background:#1f2329!important;border-color:#3a4048!important}
.soft{color:#b4bac2!important}
.box{background:#2a2f37!important}
.line{border-color:#3a4048!important}
}
@media (max-width:480px){
.fact,.label,.value{display:block!important;width:auto!important}
.label{padding-bottom:0!important}
.value{border-top:0!important;padding-top:0!important;padding-left:0!important}
}
"""


def as_html(content: Content) -> str:
    """The mail as a page that fits 320 pixels and up, in light and dark."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Content) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="supported-color-schemes" content="light dark">'
    yield f"<title>{escape(content.headline)}</title>\n<style>{_STYLE}</style>\n</head>"
    yield (
        '<body class="page" style="margin:0;padding:12px;background:#f1f3f5;color:#1b1f24;'
        f'font-size:16px;line-height:1.45;{_FONT};{_WRAP}">'
    )
    yield (
        '<div class="card" style="max-width:640px;margin:0 auto;background:#ffffff;'
        'border:1px solid #d5d9de;border-radius:8px;overflow:hidden">'
    )
    yield from _banner(content)
    yield '<div style="padding:4px 20px 20px">'
    yield f'<p style="margin:16px 0">{escape(content.meaning)}</p>'
    yield from _quotes(content)
    yield from _list("Take care", content.warnings)
    yield from _list("What to do now", content.steps)
    yield from _link(content)
    yield from _facts(content)
    yield '<p class="soft" style="margin:16px 0 0;font-size:13px;color:#59616b">'
    yield "Sent by Offer Cancel. Times are UTC.</p>"
    yield "</div>\n</div>\n</body>\n</html>"


def _banner(content: Content) -> Iterator[str]:
    yield f'<div style="background:{_BANNERS[content.tone]};color:#ffffff;padding:16px 20px">'
    yield (
        '<h1 style="margin:0;font-size:22px;line-height:1.25;font-weight:700;color:#ffffff">'
        f"{escape(content.headline)}</h1>"
    )
    name = f"{escape(content.publisher)} / <strong>{escape(content.offer)}</strong>"
    yield f'<p style="margin:6px 0 0;color:#ffffff">{name}</p>\n</div>'


def _quotes(content: Content) -> Iterator[str]:
    for quote in content.quotes:
        yield (
            '<div class="box" style="margin:16px 0;padding:10px 14px;background:#f1f3f5;'
            'border-radius:6px">'
        )
        yield (
            '<p class="soft" style="margin:0;font-size:13px;color:#59616b">'
            f"{escape(quote.label)}:</p>"
        )
        yield f'<p dir="auto" style="margin:2px 0 0">{escape(quote.words)}</p>\n</div>'


def _list(title: str, points: Iterable[str]) -> Iterator[str]:
    items = [f'<li style="margin:4px 0">{escape(point)}</li>' for point in points]
    if items:
        yield _heading(title)
        yield f'<ul style="margin:0;padding-left:20px">{"".join(items)}</ul>'


def _link(content: Content) -> Iterator[str]:
    yield (
        f'<p style="margin:16px 0 6px"><a href="{escape(PARTNER_CENTER_URL)}" style="display:'
        "inline-block;padding:10px 18px;background:#0b57d0;color:#ffffff;border-radius:6px;"
        'text-decoration:none;font-weight:600">Open Partner Center</a></p>'
    )
    yield (
        '<p class="soft" style="margin:0;font-size:14px;color:#59616b">'
        f"Look for the offer <strong>{escape(content.offer)}</strong> there.</p>"
    )


def _facts(content: Content) -> Iterator[str]:
    yield _heading("Details")
    yield '<table style="width:100%;border-collapse:collapse;font-size:14px">'
    border = "border-top:1px solid #e3e6ea;vertical-align:top"
    for label, value in content.facts:
        yield (
            '<tr class="fact"><th class="label soft line" scope="row" style="width:110px;'
            f'padding:6px 0;text-align:left;font-weight:400;color:#59616b;{border}">{label}</th>'
        )
        yield (
            f'<td class="value line" dir="auto" style="padding:6px 0 6px 12px;{border};{_WRAP}">'
            f"{escape(value)}</td></tr>"
        )
    yield "</table>"


def _heading(title: str) -> str:
    return f'<h2 style="margin:20px 0 6px;font-size:16px;font-weight:700">{escape(title)}</h2>'
