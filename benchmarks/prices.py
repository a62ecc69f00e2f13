"""Public prices in US dollars, East US, as found in November 2026; docs/benchmarks.md has sources.

The price pages themselves show no figures without a browser, so each comes from a public copy of
them; those for which none was found are assumptions, and named so.
"""

from math import ceil

# Azure Functions, Flex Consumption, on demand.
GB_SECOND = 0.000026
MILLION_EXECUTIONS = 0.40
FREE_GB_SECONDS = 100_000  # each month and subscription
FREE_EXECUTIONS = 250_000
INSTANCE_GB = 0.5  # the smallest size, 512 MB
MINIMUM_SECONDS = 1.0
BILLED_STEP_SECONDS = 0.1

# Storage, general purpose v2, locally redundant.
TEN_THOUSAND_QUEUE_REQUESTS = 0.004
TEN_THOUSAND_TABLE_REQUESTS = 0.00036  # an assumption: the price of general purpose v1

# Azure Communication Services, mail.
MAIL = 0.00025
MAIL_MEGABYTE = 0.00012

# Traffic out of the region.
GIGABYTE_OUT = 0.087
FREE_GIGABYTES_OUT = 100


def executions(count: float, seconds: float, *, with_grants: bool) -> float:
    """The price of so many executions in a month, each so long, on instances of 512 MB."""
    billed = max(MINIMUM_SECONDS, ceil(seconds / BILLED_STEP_SECONDS) * BILLED_STEP_SECONDS)
    gb_seconds, times = count * billed * INSTANCE_GB, count
    if with_grants:
        gb_seconds = max(0.0, gb_seconds - FREE_GB_SECONDS)
        times = max(0.0, times - FREE_EXECUTIONS)
    return gb_seconds * GB_SECOND + times / 1e6 * MILLION_EXECUTIONS


def storage(queue_requests: float, table_requests: float) -> float:
    """The price of so many transactions; there is no free grant."""
    return (
        queue_requests * TEN_THOUSAND_QUEUE_REQUESTS + table_requests * TEN_THOUSAND_TABLE_REQUESTS
    ) / 10_000


def mails(count: float, size_bytes: float) -> float:
    """The price of so many mails to one recipient each."""
    return count * (MAIL + size_bytes / 1e6 * MAIL_MEGABYTE)


def traffic(size_bytes: float, *, with_grants: bool) -> float:
    """The price of what leaves the region in a month."""
    gigabytes = size_bytes / 1e9
    return max(0.0, gigabytes - (FREE_GIGABYTES_OUT if with_grants else 0)) * GIGABYTE_OUT
