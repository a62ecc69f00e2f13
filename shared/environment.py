"""The settings of this process, each part read once, when it is first needed.

A part that is wrong is read again at the next use, and says again what is wrong with it.
"""

import os
from functools import cache

from shared.callers import Callers
from shared.errors import ConfigurationError
from shared.settings import MailSettings, PolicySettings, StorageSettings, callers_from_env


@cache
def policy() -> PolicySettings:
    """How patient the app is, and for whom it works; ``ConfigurationError`` while it is wrong."""
    return PolicySettings.from_env(os.environ)


def policy_or_default() -> PolicySettings:
    """For putting requests back while the policy is wrong; Partner Center cannot be had then."""
    try:
        return policy()
    except ConfigurationError:
        return PolicySettings()


@cache
def storage() -> StorageSettings:
    """Where the queues and the table are; ``ConfigurationError`` while it is wrong."""
    return StorageSettings.from_env(os.environ)


@cache
def mail() -> MailSettings:
    """Who mails, how, and to whom it may; ``ConfigurationError`` while it is wrong."""
    return MailSettings.from_env(os.environ)


@cache
def callers() -> Callers:
    """Whom the HTTP triggers listen to; ``ConfigurationError`` keeps everybody out."""
    return callers_from_env(os.environ)
