r"""Reading ``notification-emails`` strictly: a comma list of bare addresses and nothing else.

What passes here goes into mail headers and SMTP commands unquoted, so the grammar is an allow-list
far narrower than RFC 5322: ASCII, no quoted local part, comment, display name or address literal.
``email.utils`` is of no use for it: it drops ``b`` from ``a;b`` in silence and finds two addresses
in ``a@x\nBcc: b@y``. An address is personal data: no error repeats one, only its position.
"""

import re
from collections.abc import Iterable

from shared.errors import InvalidRequestError

MAX_ADDRESSES = 50
_MAX_ADDRESS_CHARACTERS = 254
_MAX_LOCAL_CHARACTERS = 64

# Dot-atoms without "!" and "%": mail servers of old read those as a route to another domain, which
# would step around the list of allowed domains.
_LOCAL = re.compile(r"[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# At least one dot and a last label that starts with a letter: no "localhost", no IP address.
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")


def parse_addresses(text: str) -> tuple[str, ...]:
    """Read a comma list of addresses, refusing the whole list for one that is wrong.

    Spaces around an address and empty items (a comma too many) are passed over: neither can be
    taken for something else, and a cancel must not fail for them. Of addresses that differ at most
    in the case of the domain, the first is kept.

    Args:
        text: The list as received; blank means no address.

    Returns:
        At most 50 addresses, as they were spelled.

    Raises:
        InvalidRequestError: Which address, by position, and what is wrong with it; or how many
            there are too many.
    """
    valid, problems = _read(text)
    if problems:
        raise InvalidRequestError(f"notification-emails: {problems[0]}")
    if len(valid) > MAX_ADDRESSES:
        raise InvalidRequestError(
            f"notification-emails: {len(valid)} addresses are too many, "
            f"at most {MAX_ADDRESSES} are allowed"
        )
    return valid


def keep_valid(text: str) -> tuple[tuple[str, ...], int]:
    """Read what can be read of a list that came by queue, where nobody could be told of an error.

    Returns:
        The first 50 valid addresses, and how many were dropped: invalid ones and those past 50,
        but not repeated ones.
    """
    valid, problems = _read(text)
    kept = valid[:MAX_ADDRESSES]
    return kept, len(problems) + len(valid) - len(kept)


def usable(addresses: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """The first 50 valid ones of a message that others may have written, and how many are not."""
    given = tuple(dict.fromkeys(addresses))
    kept = tuple(filter(is_valid, given))[:MAX_ADDRESSES]
    return kept, len(given) - len(kept)


def domain_of(address: str) -> str:
    """The part after the last ``@``, in lower case."""
    return address.rpartition("@")[2].lower()


def is_valid(address: str) -> bool:
    """Whether it is one bare address that may go into a header or an SMTP command as it is."""
    return _problem_of(address) is None


def is_allowed(address: str, domains: frozenset[str]) -> bool:
    """Whether mail may go there: its domain itself is listed, or ``*`` is. No subdomains."""
    return "*" in domains or domain_of(address) in {domain.lower() for domain in domains}


def _read(text: str) -> tuple[tuple[str, ...], list[str]]:
    valid: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    for position, item in enumerate(text.split(","), start=1):
        # Only spaces: a bare strip() would also take away the line breaks that must be refused.
        address = item.strip(" ")
        if not address:
            continue
        if problem := _problem_of(address):
            problems.append(f"address {position} {problem}")
            continue
        local = address.rpartition("@")[0]
        valid.setdefault((local, domain_of(address)), address)
    return tuple(valid.values()), problems


def _problem_of(address: str) -> str | None:
    if len(address) > _MAX_ADDRESS_CHARACTERS:
        return f"is longer than {_MAX_ADDRESS_CHARACTERS} characters"
    local, _, domain = address.rpartition("@")
    if len(local) > _MAX_LOCAL_CHARACTERS:
        return f"has more than {_MAX_LOCAL_CHARACTERS} characters before the @"
    # What looks like an encoded word is decoded by the email package and by some servers, and then
    # holds other addresses (RFC 2047, 5 forbids it in an address, and few heed that).
    if "=?" in local or not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        return "is not a valid e-mail address"
    return None
