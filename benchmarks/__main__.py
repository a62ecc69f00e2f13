"""``make bench``: measures, prints one table, writes it as JSON."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    accept,
    cold_start,
    cost,
    listing,
    memory,
    per_cancellation,
    poll,
    submit,
    until_mail,
)
from benchmarks.rows import Row, render, write_json
from benchmarks.run import Run
from benchmarks.sizes import FULL, QUICK
from devstack import terminal

_MODULES = (
    cold_start,
    accept,
    listing,
    submit,
    poll,
    per_cancellation,
    until_mail,
    memory,
    cost,
)
GROUPS = {module.GROUP: module.measure for module in _MODULES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 whether or not the goals are met: the table says which are."""
    options = _parser().parse_args(arguments)
    return terminal.run(lambda: bench(options))


def bench(options: argparse.Namespace) -> int:
    """Measure what was asked for, print the table and write it; as far as it came."""
    sizes = QUICK if options.quick else FULL
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory(prefix="offer-cancel-bench-") as folder:
            run = Run(sizes, Path(folder))
            for group, measure in GROUPS.items():
                if group in (options.only or GROUPS):
                    rows.extend(measure(run))
    finally:  # what took minutes to measure is not lost because of what came after
        print(render(rows))
        write_json(rows, options.json, sizes.name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures the app against stated baselines on the stack of this machine, "
        "prints one table and writes it as JSON. What each row means: docs/benchmarks.md.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: a minute or two, figures are rough"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(GROUPS),
        metavar="GROUP",
        help=f"only this group, may be repeated: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=Path(".devstack/bench.json"),
        metavar="FILE",
        help="where the JSON goes (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
