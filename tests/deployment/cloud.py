"""Azure as scripts see it: ``az`` and ``azd`` on the path, which know a little, and write down."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHANGES = ("create", "reset", "set", "update", "delete")


@dataclass(frozen=True)
class Cloud:
    """What the fake programs know, and what was asked of them."""

    folder: Path
    script: Path

    @property
    def known(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads((self.folder / "known").read_text())
        return known

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    def knows(self, **known: Any) -> None:
        (self.folder / "known").write_text(json.dumps({**self.known, **known}))

    def run(
        self, *options: str, typed: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = {"PATH": f"{self.folder}:/usr/bin:/bin", "FAKE_STATE": str(self.folder)}
        return subprocess.run(
            [self.script, *options],
            env={**path, **environment},
            capture_output=True,
            text=True,
            check=False,
            input=typed,
        )

    def changes(self) -> list[list[str]]:
        """The calls to Azure that change something."""
        return [call for call in self.calls if call[0] == "az" and {*CHANGES} & {*call}]


def cloud_in(folder: Path, script: Path, **known: Any) -> Cloud:
    """One that knows this, for a script that is run with it."""
    for program in ("az", "azd"):
        path = folder / program
        fake = f'"{sys.executable}" -SP -m tests.deployment.fake_cli {program} "$@"'
        path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec {fake}\n')
        path.chmod(0o755)
    (folder / "known").write_text(json.dumps(known))
    (folder / "calls").touch()
    return Cloud(folder, script)
