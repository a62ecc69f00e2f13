"""Which right each call needs that the app makes, and which rights each role gives.

Calls: learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory. Roles:
learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

from itertools import chain

_QUEUES = "Microsoft.Storage/storageAccounts/queueServices/queues/"
_TABLES = "Microsoft.Storage/storageAccounts/tableServices/tables/"
_MAIL = "Microsoft.Communication/"

# Any one of the sets will do.
type Needs = tuple[frozenset[str], ...]


def _of(prefix: str, *ways: str) -> Needs:
    return tuple(frozenset(prefix + right for right in way.split()) for way in ways)


QUEUE_CALLS: dict[str, Needs] = {
    "create_queue": _of(_QUEUES, "write"),
    "send_message": _of(_QUEUES, "messages/add/action", "messages/write"),
    "receive_messages": _of(_QUEUES, "messages/process/action", "messages/read messages/delete"),
    "peek_messages": _of(_QUEUES, "messages/read"),
    "update_message": _of(_QUEUES, "messages/write"),
    "delete_message": _of(_QUEUES, "messages/process/action", "messages/delete"),
    "get_queue_properties": _of(_QUEUES, "read"),
}
# The trigger and the scale controller: is there a queue, and how long is it? Then as the app does.
HOST_CALLS: dict[str, Needs] = {
    "get_queue_properties": QUEUE_CALLS["get_queue_properties"],
    **{name: QUEUE_CALLS[name] for name in ("receive_messages", "update_message")},
    **{name: QUEUE_CALLS[name] for name in ("delete_message", "send_message")},
}
TABLE_CALLS: dict[str, Needs] = {
    "create_table": _of(_TABLES, "write"),
    "get_entity": _of(_TABLES, "entities/read"),
    "query_entities": _of(_TABLES, "entities/read"),
    "create_entity": _of(_TABLES, "entities/add/action", "entities/write"),
    "update_entity": _of(_TABLES, "entities/update/action", "entities/write"),
    "upsert_entity": _of(_TABLES, "entities/add/action entities/update/action", "entities/write"),
    "delete_entity": _of(_TABLES, "entities/delete"),
    # Of creations, updates and deletions.
    "submit_transaction": _of(
        _TABLES, "entities/write entities/delete", "entities/add/action entities/update/action"
    ),
}
# What Microsoft documents for sending by SMTP, the only list there is; looking up is reading.
MAIL_CALLS: dict[str, Needs] = {
    "begin_send": _of(
        _MAIL, "CommunicationServices/Read CommunicationServices/Write EmailServices/Write"
    ),
    "send_request": _of(_MAIL, "CommunicationServices/Read"),
}

STORAGE_ROLES: dict[str, frozenset[str]] = {
    "Storage Queue Data Contributor": frozenset(
        _QUEUES + right
        for right in (
            "delete", "read", "write", "messages/delete", "messages/read", "messages/write",
            "messages/process/action",
        )
    ),
    "Storage Queue Data Message Processor": frozenset(
        _QUEUES + right for right in ("messages/read", "messages/process/action")
    ),
    "Storage Queue Data Message Sender": frozenset([_QUEUES + "messages/add/action"]),
    "Storage Queue Data Reader": frozenset(_QUEUES + right for right in ("read", "messages/read")),
    "Storage Table Data Contributor": frozenset(
        _TABLES + right
        for right in (
            "delete", "read", "write", "entities/read", "entities/write", "entities/delete",
            "entities/add/action", "entities/update/action",
        )
    ),
    "Storage Table Data Reader": frozenset(_TABLES + right for right in ("read", "entities/read")),
}  # fmt: skip
ROLE_NAMES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "09976791-48a7-449e-bb21-39d1a415f350": "Communication and Email Service Owner",
}


def suffice(roles: list[str], calls: dict[str, Needs]) -> bool:
    """Whether who has these storage roles may make all of these calls."""
    given = frozenset(chain.from_iterable(STORAGE_ROLES[role] for role in roles))
    return all(any(way <= given for way in ways) for ways in calls.values())
