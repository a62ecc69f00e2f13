"""HTML that is safe by construction: whatever is no ``Markup`` is escaped where it is put in."""

from collections.abc import Iterable
from html import escape
from typing import Final

_VOID: Final = frozenset({"input", "meta"})


class Markup(str):
    """HTML as it stands. What is made of one by formatting is a plain string, and escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | bool) -> Markup:
    """One element.

    Args:
        name: The tag.
        children: Markup as it stands, any other string escaped.
        attributes: ``class_`` and ``for_`` are ``class`` and ``for``, ``_`` within is ``-``; True
            stands for an attribute without a value, False for none.
    """
    opened = f"<{name}{''.join(_attribute(*pair) for pair in attributes.items())}>"
    return Markup(opened if name in _VOID else f"{opened}{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Markup:
    """Siblings, one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else escape(c) for c in children))


def _attribute(name: str, value: str | bool) -> str:
    shown = name.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {shown}" if value else ""
    return f' {shown}="{escape(value)}"'
