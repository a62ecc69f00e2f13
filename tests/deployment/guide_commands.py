"""The commands that people are told to type, found by bash itself, with nothing behind them.

A block is run with functions in place of programs, which write down what they are called with. So
quotes, ``$(…)``, pipes, loops and lines that go on are read as they will be; and what bash says of
a variable that nobody has set, of a program that is not among ``PROGRAMS``, or of a script that is
not there, is an error of the text.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

from shared.operate.arguments import parser
from tests.deployment.azure_cli import parsed
from tests.deployment.templates import ROOT

PROGRAMS = ("az", "azd", "cat", "curl", "jq", "make", "python")
SCRIPTS = tuple(
    str(path.relative_to(ROOT))
    for path in (*(ROOT / "infra/scripts").iterdir(), *(ROOT / ".ci").iterdir())
    if os.access(path, os.X_OK)
)
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OPERATE = "python -m shared.operate"
ANSWER = "an-answer"  # what every program prints

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(rf"(?:{'|'.join(map(re.escape, (*PROGRAMS, *SCRIPTS)))})(?: |;|$)")
_SHOWN = re.compile(r"^(?:make [a-z]+|python -m [\w.]+)", re.MULTILINE)
_OF_OPERATE = re.compile(r"(?:list|show|redrive|drop|check) ")
_USAGE = re.compile(r"^usage: .*?^TEXT$", re.MULTILINE | re.DOTALL)
_PRELUDE = f"""
set -u
PATH=/dev/null
called() {{ printf '%s\\0' "$#" "$@" >>calls; echo {ANSWER}; }}
"""


class GuideError(Exception):
    """A command would not work as it is written; the message says why."""


def blocks(text: str) -> list[str]:
    """What is to be typed in a document: the blocks that name no language.

    Of a transcript, that is what stands behind ``$``.
    """
    return [_typed(dedent(found[3])) for found in _FENCED.finditer(text) if not found[2]]


def _typed(block: str) -> str:
    if not block.startswith("$ "):
        return block
    return "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith("$ "))


def sections(text: str) -> dict[str, str]:
    """What is to be typed in each section of a document, by its heading."""
    parts = re.split(r"^##+ (.+)$", text, flags=re.MULTILINE)
    titled = zip(parts[1::2], parts[2::2], strict=True)
    return {title: script for title, part in titled if (script := "".join(blocks(part)))}


def mentions(text: str) -> str:
    """The commands within the sentences and tables of a document, one a line.

    And of its blocks, which may show more than what is typed, the targets and modules.
    """
    spans = (" ".join(span.split()) for span in _SPAN.findall(_FENCED.sub("", text)))
    commands = (f"{OPERATE} {span}" if _OF_OPERATE.match(span) else span for span in spans)
    found = [each for each in commands if _COMMAND.match(each) and " " in each]
    shown = [each for block in _FENCED.findall(text) for each in _SHOWN.findall(block[2])]
    return "".join(f"{each}\n" for each in (*found, *shown))


def steps(
    node: Any, variables: frozenset[str] = frozenset()
) -> Iterator[tuple[str, frozenset[str]]]:
    """Each script of a pipeline, and the variables that it finds in its environment."""
    match node:
        case dict():
            given = variables | {*node.get("env", {})}
            for name in ("run", "script", "inlineScript"):
                if isinstance(node.get(name), str):
                    yield node[name], given
            for each in node.values():
                yield from steps(each, given)
        case list():
            for each in node:
                yield from steps(each, variables)


def calls(script: str, variables: frozenset[str] = frozenset()) -> list[list[str]]:
    """The programs that a script calls, with their arguments; each prints ``ANSWER``.

    Args:
        script: for bash.
        variables: those that are in its environment.

    Raises:
        GuideError: bash complained.
    """
    functions = "".join(f'{each}() {{ called {each} "$@"; }}\n' for each in (*PROGRAMS, *SCRIPTS))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-c", _PRELUDE + functions + script],
            cwd=folder,
            env=dict.fromkeys(variables, "a-value"),
            input="typed\n",
            capture_output=True,
            text=True,
            check=False,
        )
        written = Path(folder, "calls")
        words = iter(written.read_text().split("\0")[:-1] if written.exists() else ())
    if done.returncode or done.stderr:
        raise GuideError(done.stderr or f"ends with {done.returncode}")
    return [[next(words) for _ in range(int(count))] for count in words]


def hold(words: Sequence[str], *, whole: bool = True) -> None:
    """Holds a command line to what the program takes.

    Args:
        words: the program and its arguments.
        whole: whether what it requires must be there; a mention in a text may lack it.

    Raises:
        GuideError, UsageError: it would be refused.
    """
    match words:
        case ["az" | "azd", *_]:
            parsed(words, whole=whole)
        case ["make", *names]:
            if unknown := {name for name in names if "=" not in name} - TARGETS:
                raise GuideError(f"make has no {', '.join(sorted(unknown))}")
        case ["python", "-m", "shared.operate", *arguments]:
            _hold_operate(arguments, whole)
        case ["python", "-m", module, *_]:
            _hold_module(module)
        case [script, *arguments] if script in SCRIPTS:
            shown = _USAGE.search((ROOT / script).read_text())
            _refuse_others(arguments, shown[0] if shown else "")


def _hold_module(name: str) -> None:
    found = importlib.util.find_spec(name)
    if found and found.submodule_search_locations:
        found = importlib.util.find_spec(f"{name}.__main__")
    if not found:
        raise GuideError(f"there is no module {name}")


def _hold_operate(arguments: list[str], whole: bool) -> None:
    if not whole and arguments[:1] in ([], ["COMMAND"]):
        return
    shown = StringIO()
    with redirect_stdout(shown), redirect_stderr(shown):
        try:
            parser().parse_args(arguments if whole else [arguments[0], "--help"])
        except SystemExit as end:
            if end.code:
                raise GuideError(shown.getvalue()) from None
    if not whole:
        _refuse_others(arguments, shown.getvalue())


def _refuse_others(arguments: list[str], usage: str) -> None:
    """Refuses options that the program's own help does not name."""
    given = {word for word in arguments if word.startswith("-")}
    if unknown := given - set(re.findall(r"-[-\w]+", usage)):
        raise GuideError(f"there is no {', '.join(sorted(unknown))}")
