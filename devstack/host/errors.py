"""What can be wrong with an app before it runs.

HostStartError
├─ AppConfigurationError   host.json, function.json or a setting: the message names which and why
├─ AppLoadError            the runtime refused a function: the message is the runtime's own
└─ PortUnavailableError    another program listens there, or it needs rights
"""


class HostStartError(Exception):
    """The host cannot start; the message is all that a user needs to see."""


class AppConfigurationError(HostStartError):
    """Mend the named file or setting."""


class AppLoadError(HostStartError):
    """Mend the app's code; in Azure this function would be missing without a word."""


class PortUnavailableError(HostStartError):
    """Choose another port, or 0 for any free one."""
