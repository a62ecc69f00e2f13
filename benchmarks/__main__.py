"""``make bench``: measures, prints one table, writes it as JSON."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import accept, cold_start, memory, per_cancellation, poll, submit, until_mail
from benchmarks.rows import render, write_json
from benchmarks.run import Run
from benchmarks.sizes import FULL, QUICK

_MODULES = (cold_start, accept, submit, poll, per_cancellation, until_mail, memory)
GROUPS = {module.GROUP: module.measure for module in _MODULES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 whether or not the goals are met: the table says which are."""
    options = _parser().parse_args(arguments)
    sizes = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="offer-cancel-bench-") as folder:
        run = Run(sizes, Path(folder))
        rows = [
            row
            for group, measure in GROUPS.items()
            if group in (options.only or GROUPS)
            for row in measure(run)
        ]
    print(render(rows))
    write_json(rows, options.json, sizes.name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=sorted(GROUPS))
    parser.add_argument("--json", type=Path, default=Path(".devstack/bench.json"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
