"""What ``az`` and ``azd`` take: what scripts, guides, advice and pipelines are all held to.

Each line was looked up in November 2026: ``az`` (2.80) in Microsoft's reference,
learn.microsoft.com/cli/azure, for the extensions ``communication`` and ``log-analytics`` in their
generated code (Azure/azure-cli-extensions); ``azd`` (1.18) in the usage texts that its own tests
compare (Azure/azure-dev, ``cli/azd/cmd/testdata``). The parser of ``az`` itself (azure-cli 2.91,
nobody signed in) took every command of its core once; it is too large to be installed with each
checkout.

Listed is what is used. What is not listed is refused, though the real program may take it: look it
up there, then add it.
"""

from collections.abc import Sequence
from typing import NamedTuple

# ``--name/-n=``: an option, another spelling, and that a value follows; NAME: a value without an
# option; in brackets: may be left out. What could be replaced by ``--ids`` or the like may not.
_USAGES = """
az account get-access-token [--resource=]
az account set --subscription=
az account show
az ad app create --display-name= [--sign-in-audience=] [--web-redirect-uris=]
az ad app credential reset --id= [--append] [--display-name=] [--years=] [--keyvault=] [--cert=]
az ad app delete --id=
az ad app federated-credential create --id= --parameters=
az ad app federated-credential list --id=
az ad app federated-credential update --id= --federated-credential-id= --parameters=
az ad app list [--filter=]
az ad app show --id=
az ad signed-in-user show
az ad sp create --id=
az ad sp list [--filter=]
az ad sp update --id= [--set=]
az communication email domain initiate-verification --domain-name= --email-service-name= \
    --resource-group/-g= --verification-type=
az communication email domain show --domain-name= --email-service-name= --resource-group/-g=
az functionapp config appsettings list --name/-n= --resource-group/-g=
az functionapp function keys list --name/-n= --resource-group/-g= [--function-name=]
az functionapp function keys set --name/-n= --resource-group/-g= --function-name= --key-name=
az functionapp function list --name/-n= --resource-group/-g=
az functionapp keys delete --name/-n= --resource-group/-g= --key-name= --key-type=
az functionapp keys list --name/-n= --resource-group/-g=
az functionapp keys set --name/-n= --resource-group/-g= --key-name= --key-type=
az functionapp list-flexconsumption-locations
az functionapp restart --name/-n= --resource-group/-g=
az functionapp show --name/-n= --resource-group/-g=
az keyvault certificate create --name= --vault-name= --policy=
az keyvault certificate show --name= --vault-name=
az keyvault recover --name=
az keyvault secret set --name= --vault-name= --file= [--encoding=]
az keyvault secret show --name= --vault-name=
az keyvault show --name=
az login [--tenant=] [--allow-no-subscriptions]
az monitor log-analytics query --workspace/-w= --analytics-query= [--timespan/-t=]
az monitor log-analytics workspace list [--resource-group/-g=]
az provider register --namespace= [--wait]
az resource list [--resource-group/-g=]
az resource show --ids=
az rest --url= [--method=]
az role assignment create --assignee= --role= --scope=
az role assignment list [--assignee=] [--all] [--include-groups]
az role definition list [--resource-group/-g=] [--custom-role-only]
az storage account list [--resource-group/-g=]
azd auth login [--tenant-id=] [--client-id=] [--federated-credential-provider=]
azd config set PATH VALUE
azd deploy
azd down
azd env get-value NAME
azd env get-values
azd env new NAME [--subscription=] [--location=]
azd env refresh
azd env select NAME
azd env set NAME VALUE
azd provision [--no-state] [--preview]
azd up
"""
_EVERYWHERE = {
    "az": "[--output/-o=] [--query=] [--only-show-errors] [--subscription=]",
    "azd": "[--no-prompt]",
}


class UsageError(Exception):
    """The program would refuse the command line; the message says why."""


class Usage(NamedTuple):
    """What a command takes: each spelling of an option, its name, and whether a value follows."""

    values: int
    options: dict[str, tuple[str, bool]]
    required: set[str]


class Call(NamedTuple):
    """A command, what follows it, and its options by their long names."""

    command: str
    values: list[str]
    options: dict[str, str]


def _usage(line: str) -> tuple[str, Usage]:
    command: list[str] = []
    usage = Usage(sum(map(str.isupper, line.split())), {}, set())
    for word in f"{line} {_EVERYWHERE[line.split()[0]]}".split():
        bare = word.strip("[]")
        names = bare.rstrip("=").split("/")
        if bare.startswith("-"):
            usage.options.update(dict.fromkeys(names, (names[0], bare.endswith("="))))
            usage.required.update(names[:1] if bare == word else ())
        elif word.islower():
            command.append(word)
    return " ".join(command), usage


USAGES = dict(map(_usage, _USAGES.strip().splitlines()))


def parsed(words: Sequence[str], *, whole: bool = True) -> Call:
    """A command line, taken apart.

    Args:
        words: the program and its arguments.
        whole: whether what the command requires must be there; a mention in a text may lack it.

    Raises:
        UsageError: the program would refuse it.
    """
    at = next((at for at in range(len(words), 0, -1) if " ".join(words[:at]) in USAGES), 0)
    if not at:
        raise UsageError(f"there is no {' '.join(words)}")
    call = Call(" ".join(words[:at]), [], {})
    usage = USAGES[call.command]
    rest = list(words[at:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            call.values.extend(rest)
            break
        if word.startswith("-"):
            _take_option(call, usage, word, rest)
        else:
            call.values.append(word)
    if len(call.values) > usage.values or (whole and len(call.values) < usage.values):
        raise UsageError(f"{call.command} takes {usage.values} values, not {call.values}")
    if whole and (missing := usage.required - call.options.keys()):
        raise UsageError(f"{call.command} needs {', '.join(sorted(missing))}")
    return call


def _take_option(call: Call, usage: Usage, word: str, rest: list[str]) -> None:
    """Puts one option into the call, and takes its value off the rest."""
    if word not in usage.options:
        raise UsageError(f"{call.command} has no {word}")
    name, takes_value = usage.options[word]
    if takes_value and (not rest or not rest[0] or rest[0].startswith("-")):
        raise UsageError(f"{call.command}: {word} needs a value")
    call.options[name] = rest.pop(0) if takes_value else ""
