"""Alerts and workbook ask for what the app writes, reach somebody, and lead to their runbook."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from shared.check_watch import CHECK_EVERY, LOOK_EVERY
from shared.housekeeping import EVERY
from tests.deployment.bicep.deployment import Resource, Template
from tests.deployment.bicep.syntax import read
from tests.deployment.queries import (
    EVENTS,
    OPERATIONS,
    Query,
    events_written,
    fields_of,
    queries,
    workbook_queries,
)
from tests.deployment.templates import INFRA, of_type, resources
from tests.test_contracts import HOST

RULES = {
    "poison",
    "oldest-too-old",
    "poller-silent",
    "credentials-refused",
    "mail-failing",
}
GROUP = "/subscriptions/00000000-0000-0000-0000-00000000aaaa/resourceGroups/offer-cancel-test-rg"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
PARAMETERS = {
    "workspaceName": "log-test",
    "componentName": "appi-test",
    "location": "westeurope",
    "tags": {"azd-env-name": "test"},
    "principalId": "00000000-0000-0000-0000-0000000000f0",
    "retentionDays": 90,
    "dailyQuotaGb": 1,
}
PARTS_OF_A_RUNBOOK = ("**What it means.**", "**What to look at.**", "**What to do.**")
_HEADING = re.compile(r"^### Alert `(?P<rule>[-\w]+)`$", re.MULTILINE)
# As GitHub makes an anchor of a heading.
_LEFT_OUT = re.compile(r"[^-\w ]")


def deployed(**more: Any) -> list[Resource]:
    file = read(INFRA / "modules/monitoring.bicep")
    return Template(file, {**PARAMETERS, **more}, scope=GROUP).resources()


def rules(**more: Any) -> dict[str, Resource]:
    found = of_type(deployed(**more), "Microsoft.Insights/scheduledQueryRules")
    return {each.name.removeprefix("offer-cancel-"): each for each in found}


def criterion(rule: Resource) -> dict[str, Any]:
    [only] = rule.properties["criteria"]["allOf"]
    assert isinstance(only, dict)
    return only


def span(text: str) -> timedelta:
    """``PT5M`` or ``PT2H``."""
    number, unit = int(text[2:-1]), text[-1]
    return timedelta(**{{"M": "minutes", "H": "hours"}[unit]: number})


def sections() -> dict[str, str]:
    """The runbook's section of each alert."""
    return {
        found["rule"]: re.split(r"^##+ ", OPERATIONS[found.end() :], flags=re.MULTILINE)[0]
        for found in _HEADING.finditer(OPERATIONS)
    }


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {_LEFT_OUT.sub("", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("query", queries(), ids=lambda query: str(query.source))
def test_a_query_asks_only_for_what_the_app_writes(query: Query) -> None:
    assert query.fields
    assert query.events <= {each.name for each in events_written()}
    assert query.fields <= fields_of(query.events)
    assert "e[" not in query.text  # which would not be seen here
    assert not re.search(r"^\s*(search|union)\b", query.text, re.MULTILINE)


def test_every_kind_of_query_is_there_to_be_held() -> None:
    sources = [query.source for query in queries()]
    assert {name.removesuffix(".kql") for name in sources if name.endswith(".kql")} == RULES
    assert sum(name.startswith("workbook") for name in sources) >= 9
    assert sum(name.startswith("runbook") for name in sources) >= len(RULES)


def test_every_rule_is_deployed_with_its_own_query_and_fires_on_any_row() -> None:
    found = rules()
    assert found.keys() == RULES
    for name, rule in found.items():
        asked = criterion(rule)
        assert asked["query"] == (INFRA / f"modules/monitoring/{name}.kql").read_text()
        assert (asked["timeAggregation"], asked["operator"], asked["threshold"]) == (
            "Count",
            "GreaterThan",
            0,
        )
        assert rule.properties["enabled"] is True
        assert rule.properties["autoMitigate"] is True
        assert rule.properties["scopes"] == [f"{GROUP}/providers/{WORKSPACE}/log-test"]


def test_no_event_is_sampled_away_or_too_quiet_to_be_kept() -> None:
    logging = HOST["logging"]
    assert logging["logLevel"]["default"] == "Information"
    assert not [name for name in logging["logLevel"] if name.startswith("Function")]
    sampling = logging["applicationInsights"]["samplingSettings"]
    assert "Trace" in sampling["excludedTypes"].split(";")


def test_no_rule_looks_back_less_far_than_it_runs_seldom() -> None:
    for rule in rules().values():
        every, window = (rule.properties[name] for name in ("evaluationFrequency", "windowSize"))
        assert span(window) >= span(every)


def test_what_is_checked_hourly_is_in_sight_until_it_is_checked_again() -> None:
    found = rules().items()
    hourly = {name: rule for name, rule in found if '"check-failed"' in criterion(rule)["query"]}
    assert hourly.keys() == {"credentials-refused", "mail-failing"}
    for name, rule in hourly.items():
        needed = re.search(r"\| where failures >= (\d+)$", criterion(rule)["query"].strip())
        times = int(needed[1]) if needed else 1
        assert span(rule.properties["windowSize"]) > times * (CHECK_EVERY + LOOK_EVERY), name


def test_a_silent_poller_shows_by_a_count_that_has_a_row_even_over_nothing() -> None:
    rule = rules()["poller-silent"]
    assert rule.properties["windowSize"] == rule.properties["evaluationFrequency"] == "PT5M"
    *_, counted, silent = criterion(rule)["query"].strip().splitlines()
    assert counted == "| summarize runs = count()"  # "by" would give no row for no rows
    assert silent == "| where runs == 0"
    assert timedelta(minutes=5) > 4 * EVERY  # of which logs may come late


@pytest.mark.parametrize("runbook", ["docs/operations.md", "https://example.com/operations.md"])
def test_every_rule_leads_to_its_section_of_the_runbook(runbook: str) -> None:
    for name, rule in rules(runbook=runbook).items():
        link = rule.properties["actions"]["customProperties"]["runbook"]
        assert link == f"{runbook}#alert-{name}"
        assert link in rule.properties["description"]
        assert link.partition("#")[2] in anchors(OPERATIONS)


def test_every_section_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    assert sections().keys() == RULES
    for name, text in sections().items():
        places = [text.find(part) for part in PARTS_OF_A_RUNBOOK]
        assert -1 not in places, name
        assert places == sorted(places), name
        assert "```kusto" in text, name
        assert "python -m shared.operate" in text or "az " in text, name


def test_alerts_are_mailed_to_everybody_named_once() -> None:
    emails = " ana@contoso.example,bob@contoso.example, ana@contoso.example,"
    found = deployed(alertEmails=emails)
    [group] = of_type(found, "Microsoft.Insights/actionGroups")
    receivers = group.properties["emailReceivers"]
    assert [each["emailAddress"] for each in receivers] == [
        "ana@contoso.example",
        "bob@contoso.example",
    ]
    assert len(group.properties["groupShortName"]) <= 12
    for rule in of_type(found, "Microsoft.Insights/scheduledQueryRules"):
        assert rule.properties["actions"]["actionGroups"] == [group.id]


def test_whoever_hears_of_trouble_by_the_app_hears_of_alerts() -> None:
    found = resources({"NOTIFICATION_DEFAULT_EMAILS": "ops@contoso.example"})
    [group] = of_type(found, "Microsoft.Insights/actionGroups")
    [receiver] = group.properties["emailReceivers"]
    assert receiver["emailAddress"] == "ops@contoso.example"


def test_with_nobody_to_mail_the_rules_are_there_all_the_same() -> None:
    found = deployed()
    assert not of_type(found, "Microsoft.Insights/actionGroups")
    assert all(not rule.properties["actions"]["actionGroups"] for rule in rules().values())


def test_the_workbook_asks_the_workspace_that_it_is_deployed_beside() -> None:
    [workbook] = of_type(deployed(), "Microsoft.Insights/workbooks")
    workspace = f"{GROUP}/providers/{WORKSPACE}/log-test"
    content = json.loads(workbook.properties["serializedData"])
    assert workbook.properties["sourceId"] == workspace
    assert content["fallbackResourceIds"] == [workspace]
    assert "{workspace}" not in workbook.properties["serializedData"]
    parameters = {
        parameter["name"]
        for item in content["items"]
        if item["type"] == 9
        for parameter in item["content"]["parameters"]
    }
    for query in workbook_queries():
        asked = set(re.findall(r"\{(\w+)(?::\w+)?\}", query["query"]))
        assert asked | {query["timeContextFromParameter"]} <= parameters
        assert query["resourceType"] == WORKSPACE.lower()


def test_the_list_of_events_is_that_of_the_code_with_levels_and_fields() -> None:
    row = re.compile(r"^\| `([-\w]+)` \| (\w+) \| ([^|]*) \| [^|]+ \|$", re.MULTILINE)
    listed = {
        name: (level, set(re.findall(r"`(\w+)`", fields)))
        for name, level, fields in row.findall(EVENTS)
    }
    written: dict[str, tuple[str, set[str]]] = {}
    for each in events_written():
        _, fields = written.setdefault(each.name, (each.level, set()))
        fields |= each.fields
    assert listed == written
    assert list(listed) == sorted(listed)


def test_the_runbook_names_no_event_that_is_not_written() -> None:
    table = re.findall(r"^\| (`[^|]+) \| (?:info|warning|error)", OPERATIONS, re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`([-\w]+)`", cell)}
    assert named
    assert named <= {each.name for each in events_written()}
