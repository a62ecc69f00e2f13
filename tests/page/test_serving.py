"""The pages as they are made from real storage: who sees what, and what is left when parts fail."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from devstack.azurite import Azurite
from shared.callers import Callers
from shared.errors import ConfigurationError, StorageUnavailableError
from shared.list_query import ListCall
from shared.listing import Listing, Page, Query
from shared.models import OutcomeName
from shared.page.serving import DutyPage, page_answer
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, StorageQueue
from shared.record import Status
from shared.settings import PolicySettings
from tests.page.builders import EMAIL, NOW, Read, ago, ended_row, row
from tests.page.deployment import Deployment, dead_end
from tests.shared.test_callers import ANA, BOT, entra

pytestmark = pytest.mark.integration

ENTRA = Callers(
    are_authenticated=True, allowed={ANA: frozenset(), BOT: frozenset({"contoso", "fabrikam"})}
)


@pytest.fixture
def deployment(azurite: Azurite) -> Iterator[Deployment]:
    made = Deployment(azurite.connection_string)
    with made.table, made.queues[CANCEL_REQUESTS], made.queues[PENDING_CANCELLATIONS]:
        yield made


def test_storage_that_has_seen_nothing_yet_makes_an_empty_list(deployment: Deployment) -> None:
    assert "0 open 0 poisoned" in deployment.text()


def test_open_ones_come_longest_first_and_ended_ones_newest_first(deployment: Deployment) -> None:
    for minutes in (20, 90, 40):
        deployment.add(row(offer_id=f"open-{minutes}", created_at=ago(minutes)))
        ended = ended_row(OutcomeName.CANCELED, offer_id=f"ended-{minutes}")
        deployment.add(replace(ended, created_at=ago(minutes)))
    text = deployment.text()
    places = [
        text.index(f"Contoso / {name}")
        for name in ("open-90", "open-40", "open-20", "ended-20", "ended-40", "ended-90")
    ]
    assert places == sorted(places)
    assert "3 open, the longest for 1 hour 30 minutes" in text


def test_the_longest_open_are_shown_however_few_are_asked_for(deployment: Deployment) -> None:
    for minutes in range(5):
        deployment.add(row(offer_id=f"open-{minutes}", created_at=ago(minutes)))
    text = deployment.text({"top": "2"})
    assert "5 open, the longest for 4 minutes" in text
    assert "open-4" in text
    assert "open-3" in text
    assert "open-2" not in text
    assert "3 that came later are not shown" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"publisherId": "Fabrikam"}, {"theirs"}),
        ({"offerId": "ours"}, {"ours"}),
        ({"status": Status.RUNNING}, set()),
        ({"status": Status.NOT_STARTED}, {"waiting"}),
        ({"status": Status.FAILED}, {"theirs"}),
        ({"outcome": "canceled"}, {"ours"}),
        ({"outcome": "canceled", "status": Status.FAILED}, set()),
        ({"publisherId": "", "status": "", "outcome": ""}, {"waiting", "ours", "theirs"}),
    ],
)
def test_filters_leave_out_what_is_not_asked_for(
    deployment: Deployment, query: dict[str, str], shown: set[str]
) -> None:
    deployment.add(row(offer_id="waiting"))
    deployment.add(ended_row(OutcomeName.CANCELED, offer_id="ours"))
    deployment.add(ended_row(OutcomeName.EXPIRED, publisher_id="fabrikam", offer_id="theirs"))
    answered = deployment.answer(query)
    stories = {link for link in Read(answered.page).links() if "id=" in link.split("&")[-1]}
    assert {
        offer for offer in ("waiting", "ours", "theirs") if f"offerId={offer}" in str(stories)
    } == shown


def test_older_ones_are_led_to_until_there_are_none(deployment: Deployment) -> None:
    for minutes in range(5):
        ended = ended_row(OutcomeName.CANCELED, offer_id=f"ended-{minutes}")
        deployment.add(replace(ended, created_at=ago(minutes)))
    query, seen = {"top": "2"}, []
    for _ in range(3):
        read = Read(deployment.answer(query).page)
        seen += [n for n in range(5) if f"Contoso / ended-{n} " in read.text]
        older = [link for link in read.links() if "continuation" in link]
        if older:
            query = dict(pair.split("=") for pair in older[0].removeprefix("?").split("&"))
    assert older == []
    assert seen == [0, 1, 2, 3, 4]
    assert "poisoned" not in read.text


def test_a_story_is_told_by_publisher_offer_and_id(deployment: Deployment) -> None:
    record = deployment.add(ended_row(OutcomeName.SUPERSEDED))
    query = {"publisherId": "cONTOSO", "offerId": record.offer_id, "id": record.request_id.upper()}
    text = deployment.text(query)
    assert "A newer publish is running, and it was left alone." in text
    assert "Poisoned" not in text


def test_a_story_tells_of_the_requests_poison_and_of_no_others(deployment: Deployment) -> None:
    record = deployment.add(row())
    deployment.poison("Contoso", "contoso-vm", request_id=record.request_id, reason="its own")
    deployment.poison("Contoso", "contoso-vm", request_id="another", reason="not its own")
    query = {"publisherId": "Contoso", "offerId": record.offer_id, "id": record.request_id}
    text = deployment.text(query)
    assert "its own" in text
    assert "not its own" not in text


def test_a_message_that_names_the_id_of_anothers_request_is_not_in_its_story(
    deployment: Deployment,
) -> None:
    record = deployment.add(row())
    deployment.poison("northwind", "vm", request_id=record.request_id, reason="not its own")
    deployment.shelve(message="nonsense", request_id=record.request_id, reason="perhaps its own")
    query = {"publisherId": "Contoso", "offerId": record.offer_id, "id": record.request_id}
    text = deployment.text(query)
    assert "not its own" not in text
    assert "perhaps its own" in text


def test_spaces_around_what_was_typed_count_for_nothing(deployment: Deployment) -> None:
    deployment.add(row())
    text = deployment.text({"publisherId": " contoso ", "offerId": "contoso-vm "})
    assert "1 open" in text


class Slow(Listing):
    """Storage that finds what is open among too many others."""

    def page(self, query: Query) -> Page:
        if Status.RUNNING in query.statuses:
            raise StorageUnavailableError("reading takes too long")
        return super().page(query)


def test_open_ones_that_take_too_long_to_find_do_not_hide_the_rest(deployment: Deployment) -> None:
    deployment.add(ended_row(OutcomeName.CANCELED))
    slow = Slow(deployment.table)
    text = deployment.text(listing=slow)
    assert "They could not be read in time" in text
    assert "Contoso / contoso-vm Canceled" in text
    assert deployment.answer({"status": Status.RUNNING}, listing=slow).status_code == 503


def test_what_the_host_has_given_up_on_is_counted_before_it_is_noticed(
    deployment: Deployment,
) -> None:
    StorageQueue(deployment.queues[CANCEL_REQUESTS]).put('{"offerId": 1}')
    text = deployment.text()
    assert "1 poisoned" in text
    assert "1 message that the Functions host gave up on just now" in text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"status": "Running"}, 400, "one of notStarted, running, canceled, failed"),
        ({"top": "1000"}, 400, "top in the query"),
        ({"continuation": "<script>"}, 400, "continuation in the query"),
        ({"id": "7"}, 400, "publisherId in the query"),
        ({"id": "7", "publisherId": "contoso"}, 400, "offerId in the query"),
        ({"id": "7", "publisherId": "contoso", "offerId": "vm"}, 400, "id in the query"),
        ({"publisherId": "<b>"}, 400, "publisherId in the query"),
        (
            {"id": str(uuid.UUID(int=7)), "publisherId": "contoso", "offerId": "vm"},
            404,
            "contoso / vm has no request 00000000",
        ),
    ],
)
def test_what_cannot_be_served_is_a_page_too(
    deployment: Deployment, query: dict[str, str], status: int, said: str
) -> None:
    answered = deployment.answer(query)
    assert answered.status_code == status
    assert said in Read(answered.page).text
    assert answered.headers["Cache-Control"] == "no-store"


def test_publishers_that_are_not_served_are_neither_listed_nor_told_of(
    deployment: Deployment,
) -> None:
    policy = PolicySettings(allowed_publishers=frozenset({"fabrikam"}))
    record = deployment.add(row(offer_id="unserved"))
    assert "unserved" not in deployment.text(policy=policy)
    query = {"publisherId": "Contoso", "offerId": "unserved", "id": record.request_id}
    assert deployment.answer(query, policy=policy).status_code == 403
    assert deployment.answer({"publisherId": "Contoso"}, policy=policy).status_code == 403


def test_a_caller_sees_their_own_publishers_and_their_poison_alone(deployment: Deployment) -> None:
    hidden = deployment.add(row(publisher_id="northwind", offer_id="hidden"))
    deployment.add(row(offer_id="seen"))
    deployment.poison("northwind", "hidden", reason="hidden reason")
    deployment.poison("Fabrikam", "vm", reason="seen reason")
    deployment.shelve(message="nonsense", reason="anybody's reason")
    limited = deployment.text(headers=entra(BOT), callers=ENTRA)
    assert "seen reason" in limited
    assert "Contoso / seen" in limited
    assert "hidden" not in limited
    assert "anybody's" not in limited
    everything = deployment.text(headers=entra(ANA), callers=ENTRA)
    assert all(reason in everything for reason in ("hidden reason", "anybody's reason"))
    query = {"publisherId": "northwind", "offerId": "hidden", "id": hidden.request_id}
    assert deployment.answer(query, entra(BOT), callers=ENTRA).status_code == 403
    assert deployment.answer(query, {}, callers=ENTRA).status_code == 401
    assert deployment.answer({}, {}, callers=ENTRA).headers["WWW-Authenticate"] == "Bearer"


def test_poison_is_filtered_like_the_rest(deployment: Deployment) -> None:
    deployment.poison("Contoso", "vm", reason="of the vm")
    deployment.poison("Contoso", "app", reason="of the app")
    deployment.shelve(message="nonsense", reason="of nobody")
    text = deployment.text({"publisherId": "CONTOSO", "offerId": "vm"})
    assert "of the vm" in text
    assert "of the app" not in text
    assert "of nobody" not in text


def test_storage_that_is_away_is_a_page_that_asks_to_come_back() -> None:
    away = Deployment(dead_end())
    for query in ({}, {"publisherId": "a", "offerId": "b", "id": str(uuid.UUID(int=7))}):
        answered = away.answer(query)
        assert answered.status_code == 503
        assert answered.headers["Retry-After"] == "15"
        assert "Requests are not lost by that." in Read(answered.page).text


def test_poison_queues_that_are_away_do_not_hide_the_rest(deployment: Deployment) -> None:
    record = deployment.add(row())
    shelf = Deployment(dead_end()).parts["shelf"]
    text = deployment.text(shelf=shelf)
    assert "The poison queues cannot be read right now." in text
    assert "1 open" in text
    query = {"publisherId": "Contoso", "offerId": record.offer_id, "id": record.request_id}
    assert "OPEN. NOT YET CANCELED." in deployment.text(query, shelf=shelf)


def test_wrong_settings_are_a_page_that_does_not_show_them() -> None:
    def unusable() -> DutyPage:
        raise ConfigurationError("storage", ("CancelStorage is nonsense: hush",))

    answered = page_answer(ListCall(query={}, headers={}), unusable, lambda: NOW)
    assert answered.status_code == 503
    assert "The storage settings of this deployment are wrong" in answered.page
    assert "hush" not in answered.page


def test_no_address_gets_into_any_page(deployment: Deployment) -> None:
    record = deployment.add(row(reason=f"ask {EMAIL}", last_error=f"{EMAIL} was refused"))
    deployment.poison("Contoso", "vm", reason=f"for {EMAIL}")
    query = {"publisherId": "Contoso", "offerId": record.offer_id, "id": record.request_id}
    for asked in ({}, query):
        assert EMAIL not in deployment.answer(asked).page


def test_more_open_ones_than_can_be_counted_are_said_to_be_more(
    deployment: Deployment,
) -> None:
    for minutes in range(3):
        deployment.add(row(created_at=NOW - timedelta(minutes=minutes)))
    text = deployment.text(most_open=2)
    assert "2+ open" in text
    assert "older ones too" in text
