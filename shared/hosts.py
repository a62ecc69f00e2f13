"""Tells this machine's own addresses from others: only there may a password travel in plain."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address (without brackets) is this machine's loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
