import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.models import CancelRequest, from_json, to_json
from shared.queues import plain_text

JSON = '{"publisherId":"contoso","offerId":"contoso-vm","reason":"d\u00e9j\u00e0 vu \U0001f600"}'
MARK = "\ufeff"


def encoded(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.b64encode(raw).decode()


READABLE = {
    "plain": JSON,
    "plain with a byte order mark": MARK + JSON,
    "plain with two": MARK + MARK + JSON,
    "plain with white space around": f" \r\n\t{JSON}\n ",
    "plain with a byte order mark and white space": f"{MARK}\n{JSON}\n",
    "Base64": encoded(JSON),
    "Base64 of a byte order mark": encoded(MARK + JSON),
    "Base64 behind a byte order mark": MARK + encoded(JSON),
    "Base64 behind a byte order mark, of a byte order mark": MARK + encoded(MARK + JSON),
    "Base64 with white space around": f"  {encoded(JSON)}\r\n",
    "Base64 of white space around": encoded(f"\n {JSON} \n"),
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_a_message_is_read_plain_and_as_base64(text: str) -> None:
    assert plain_text(text) == JSON


BAD = {
    "text": "hello, world",
    "an array": '[{"publisherId":"contoso"}]',
    "a JSON string": '"{}"',
    "XML": "<QueueMessage/>",
    "URL-safe Base64": encoded(b'{"a":"\xc3\xbf\xc3\xbf\xc3\xbe"}' + b"\xfb\xff").replace("/", "_"),
    "Base64 without its end": encoded(JSON).rstrip("=")[:-1],
    "Base64 with a comma": encoded(JSON)[:8] + "," + encoded(JSON)[8:],
    "Base64 of what is no UTF-8": encoded(b'{"reason":"\xff\xfe"}'),
    "Base64 of UTF-16": encoded(JSON.encode("utf-16")),
    "letters beyond ASCII": "\u00e9" * 8,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_neither_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="neither a JSON object nor one in Base64") as no:
        plain_text(text)
    assert "contoso" not in str(no.value)


@pytest.mark.parametrize(
    "text",
    ["", " ", MARK, "{", "{}}", encoded("hello"), encoded("[]"), encoded(encoded(JSON)), "null"],
    ids=repr,
)
def test_what_is_no_object_is_refused_one_step_later_at_most(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        from_json(plain_text(text), CancelRequest)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_any_request_is_read_alike_in_both_encodings(reason: str) -> None:
    request = CancelRequest(publisher_id="contoso", offer_id="contoso-vm", reason=reason)
    text = to_json(request)
    assert from_json(plain_text(text), CancelRequest) == request
    assert from_json(plain_text(encoded(text)), CancelRequest) == request


@given(st.text())
def test_any_text_gives_text_or_is_refused(text: str) -> None:
    try:
        assert isinstance(plain_text(text), str)
    except InvalidRequestError:
        assert not text.strip().startswith("{")
