"""The app may do what it does, on what it does it to, and hardly anything else."""

import ast
from collections.abc import Iterator
from itertools import combinations

import pytest

from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX
from shared.table_calls import TABLE
from tests.deployment.bicep.deployment import SUBSCRIPTION, Resource
from tests.deployment.rights import (
    HOST_CALLS,
    MAIL_CALLS,
    QUEUE_CALLS,
    ROLE_NAMES,
    STORAGE_ROLES,
    TABLE_CALLS,
    suffice,
)
from tests.deployment.templates import ENVIRONMENTS, FILES, ROOT, of_type, resources

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
QUEUES = {
    name + suffix
    for name in (CANCEL_REQUESTS, PENDING_CANCELLATIONS)
    for suffix in ("", POISON_SUFFIX)
}
CUSTOM_MAIL = "Offer Cancel mail sender"
# Role and kind of what it is given on, for the app. Nothing wider than one queue, one table.
ALWAYS = {
    ("Storage Blob Data Owner", "storageAccounts"),
    ("Monitoring Metrics Publisher", "components"),
    ("Storage Queue Data Contributor", "queues"),
    ("Storage Table Data Contributor", "tables"),
}


def calls_of(module: str) -> Iterator[str]:
    """What the module calls on its client of the storage account."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        match node:
            case ast.Attribute(attr=called, value=ast.Attribute(attr="_client")):
                yield called


def calls_on(client: str) -> set[str]:
    """What any module calls on a client of this class."""
    modules = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "shared").rglob("*.py")
        if f"client: {client}" in path.read_text()
    ]
    assert modules
    return {called for module in modules for called in calls_of(module)} - {"queue_name"}


def assignments(found: list[Resource]) -> list[tuple[str, str, str]]:
    """Role, what it is given on, and to whom."""
    custom = {each.id: CUSTOM_MAIL for each in of_type(found, DEFINITION)}
    return [
        (
            custom.get(definition) or ROLE_NAMES[definition.rpartition("/")[2]],
            each.scope,
            each.properties["principalId"],
        )
        for each in of_type(found, ASSIGNMENT)
        for definition in [each.properties["roleDefinitionId"]]
    ]


def roles_on(found: list[Resource], kind: str, name: str) -> list[str]:
    return [role for role, scope, _ in assignments(found) if scope.endswith(f"/{kind}/{name}")]


def test_the_map_of_rights_has_every_call_that_the_code_makes_and_no_other() -> None:
    assert calls_on("QueueClient") == QUEUE_CALLS.keys()
    assert calls_on("TableClient") == TABLE_CALLS.keys()
    assert {*calls_of("shared/notification/acs_client.py")} == MAIL_CALLS.keys()


def test_every_queue_and_table_that_the_code_names_is_made_and_no_other() -> None:
    found = resources({})
    queues = of_type(found, "Microsoft.Storage/storageAccounts/queueServices/queues")
    tables = of_type(found, "Microsoft.Storage/storageAccounts/tableServices/tables")
    assert {each.name.rpartition("/")[2] for each in queues} == QUEUES
    assert [each.name.rpartition("/")[2] for each in tables] == [TABLE]


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_the_app_may_do_on_each_queue_what_it_and_the_host_do(queue: str) -> None:
    assert suffice(roles_on(resources({}), "queues", queue), QUEUE_CALLS | HOST_CALLS)


def test_the_app_may_do_on_the_table_what_it_does() -> None:
    assert suffice(roles_on(resources({}), "tables", TABLE), TABLE_CALLS)


@pytest.mark.parametrize(
    ("role", "calls"),
    [
        ("Storage Queue Data Contributor", QUEUE_CALLS),
        ("Storage Table Data Contributor", TABLE_CALLS),
    ],
)
def test_no_narrower_roles_would_do(
    role: str, calls: dict[str, tuple[frozenset[str], ...]]
) -> None:
    narrower = [name for name in STORAGE_ROLES if "Contributor" not in name]
    for many in range(len(narrower) + 1):
        assert not any(suffice([*some], calls) for some in combinations(narrower, many))
    assert suffice([role], calls)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_app_has_these_roles_and_no_other_each_on_one_thing(name: str) -> None:
    variables = ENVIRONMENTS[name]
    found = resources(variables)
    expected = set(ALWAYS)
    if variables.get("MAIL_SERVICE") != "smtp":
        is_built_in = variables.get("MAIL_ROLE") == "built-in"
        role = "Communication and Email Service Owner" if is_built_in else CUSTOM_MAIL
        expected.add((role, "communicationServices"))
    if of_type(found, "Microsoft.KeyVault/vaults"):
        expected.add(("Key Vault Secrets User", "vaults"))
    app = [each for each in assignments(found) if each[2].endswith(".principalId>")]
    assert {(role, scope.split("/")[-2]) for role, scope, _ in app} == expected
    assert len(app) == len(expected) + len(QUEUES) - 1
    assert all(scope.startswith(f"{SUBSCRIPTION}/resourceGroups/") for _, scope, _ in app)
    assert len({each.id for each in of_type(found, ASSIGNMENT)}) == len(assignments(found))


def test_senders_may_put_messages_on_the_queue_of_requests_and_nothing_else() -> None:
    first, second = ("00000000-0000-0000-0000-0000000000f1", "00000000-0000-0000-0000-0000000000f2")
    found = resources({"SENDER_PRINCIPAL_IDS": f"{first}, {second},"})
    senders = [each for each in assignments(found) if each[2] in (first, second)]
    assert [(role, scope.rpartition("/")[2]) for role, scope, _ in senders] == [
        ("Storage Queue Data Message Sender", CANCEL_REQUESTS)
    ] * 2
    assert {who for _, _, who in senders} == {first, second}
    puts = {"send_message": QUEUE_CALLS["send_message"]}
    assert suffice(["Storage Queue Data Message Sender"], puts)
    assert not any(
        suffice(["Storage Queue Data Message Sender"], {name: needs})
        for name, needs in QUEUE_CALLS.items()
        if name != "send_message"
    )


def test_the_role_made_for_mail_allows_to_send_and_gives_out_no_key() -> None:
    [role] = of_type(resources({}), DEFINITION)
    [permissions] = role.properties["permissions"]
    needed = frozenset(right for [way] in MAIL_CALLS.values() for right in way)
    assert set(permissions["actions"]) == needed
    assert not permissions["dataActions"]
    [group] = role.properties["assignableScopes"]
    assert group.endswith("/resourceGroups/offer-cancel-contoso-rg")


def test_every_role_is_named_in_a_comment_right_above_its_id() -> None:
    for path in FILES:
        lines = path.read_text().splitlines()
        for at, line in enumerate(lines):
            for guid, role in ROLE_NAMES.items():
                if guid in line:
                    above = " ".join(lines[max(0, at - 4) : at])
                    assert f"// {role}" in above, f"{path.name}:{at + 1}"
