"""A copy of the app as it is deployed: a long soak must not change with the checkout."""

import json
import shutil
from pathlib import Path
from typing import Any


def copy_app(source: Path, target: Path, *, failed_visibility: str = "") -> Path:
    """Copy what the functions host runs.

    Args:
        source: The app.
        target: The folder to make; one that is there is replaced.
        failed_visibility: Another ``visibilityTimeout`` for host.json; empty keeps it.

    Returns:
        The target.
    """
    shutil.rmtree(target, ignore_errors=True)
    functions = (path.parent for path in source.glob("*/function.json"))
    for folder in (*functions, source / "shared"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(folder, target / folder.name, ignore=ignored)
    host: dict[str, Any] = json.loads((source / "host.json").read_text(encoding="utf-8"))
    if failed_visibility:
        host["extensions"]["queues"]["visibilityTimeout"] = failed_visibility
    (target / "host.json").write_text(json.dumps(host), encoding="utf-8")
    return target
