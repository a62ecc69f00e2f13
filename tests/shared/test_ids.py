import json

import pytest

from shared.errors import InvalidRequestError
from shared.models import CancelRequest, from_json

RIGHT = {"publisherId": "contoso", "offerId": "contoso-vm"}


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("publisherId", "a publisher's id"),
        ("offerId", "an offer's id"),
        ("operationId", "a GUID"),
        ("requestId", "a GUID"),
    ],
)
def test_an_id_is_asked_for_in_words(member: str, words: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        from_json(json.dumps({**RIGHT, member: "not/one"}), CancelRequest)
    assert str(raised.value) == f"Expected {words} - at `$.{member}`"
