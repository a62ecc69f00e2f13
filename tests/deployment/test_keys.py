"""No command asks Azure CLI for what it does not tell.

What makes a key answers without it (azure-cli 2.91: *Keys have been redacted*);
whoever asks for it gets nothing, and no error.
"""

import pytest

from tests.deployment.guide_commands import blocks, calls
from tests.deployment.templates import ROOT

DOCUMENTS = ("docs/deploying.md", "docs/operations.md")
MAKES = (["az", "functionapp", "keys", "set"], ["az", "functionapp", "function", "keys", "set"])


def query_of(call: list[str]) -> str:
    return call[call.index("--query") + 1] if "--query" in call else ""


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_key_is_read_by_the_command_that_lists_keys(path: str) -> None:
    typed = [block for block in blocks((ROOT / path).read_text()) if "keys set" in block]
    assert typed
    for block in typed:
        called = calls(block)
        read = {query_of(call).rpartition(".")[2] for call in called if "list" in call}
        made = [call for call in called if any(call[: len(each)] == each for each in MAKES)]
        assert made
        for call in made:
            assert not query_of(call)
            assert call[call.index("--key-name") + 1] in read
