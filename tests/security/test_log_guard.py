"""The guard over the logs of all tests hears what the app and its libraries say."""

import json
import logging
from urllib.parse import quote

import pytest

from devstack.partner_center import DEFAULT_TOKEN
from shared.telemetry import LOGGER_NAME, event
from tests.e2e.clean_logs import MAIL_PASSWORD, SECRETS
from tests.log_guard import LogGuard

ADDRESS = "somebody@contoso.com"


@pytest.mark.parametrize("secret", [ADDRESS, *SECRETS])
def test_what_no_log_may_hold_is_found_in_the_apps_own_log(
    log_guard: LogGuard, secret: str
) -> None:
    logging.getLogger(LOGGER_NAME).info("a line with %s in it", secret)
    assert any(secret in found for found in log_guard.taken())


def test_a_secret_that_json_or_a_url_spells_in_its_own_way_is_found(
    log_guard: LogGuard,
) -> None:
    logging.getLogger(LOGGER_NAME).info(json.dumps({"password": MAIL_PASSWORD}))
    logging.getLogger(LOGGER_NAME).info("smtp://user:%s", quote(MAIL_PASSWORD, safe=""))
    assert len(log_guard.taken()) == 2


@pytest.mark.parametrize("name", ["azure.core", "azure.identity._internal", "urllib3", "msal"])
def test_what_no_log_may_hold_is_found_in_what_libraries_warn_of(
    log_guard: LogGuard, name: str
) -> None:
    logging.getLogger(name).warning("refused %s", ADDRESS)
    assert len(log_guard.taken()) == 1
    logging.getLogger(name).info("refused %s", ADDRESS)  # the host drops these
    assert not log_guard.taken()


def test_what_no_log_may_hold_is_found_in_a_traceback(log_guard: LogGuard) -> None:
    try:
        int(ADDRESS)
    except ValueError:
        logging.getLogger(LOGGER_NAME).exception("it failed")
    assert len(log_guard.taken()) >= 1


def test_a_leak_fails_the_test_that_it_happens_in() -> None:
    guard = LogGuard()
    guard.handle(logging.LogRecord(LOGGER_NAME, logging.INFO, "", 1, ADDRESS, None, None))
    with pytest.raises(AssertionError, match="logged what no log may hold"):
        guard.check()
    guard.check()


def test_an_event_about_an_address_is_clean(log_guard: LogGuard) -> None:
    event("mail-deferred", reason=f"{ADDRESS} is not known here, Bearer {DEFAULT_TOKEN}")
    assert not log_guard.taken()
