import subprocess
import sys
from pathlib import Path

from shared.models import from_json
from shared.struct_types import ready

ROOT = Path(__file__).parents[2]

# Types that were never read before, each read by eight threads at once.
AT_ONCE = """
import sys, threading
from typing import Optional
import msgspec
from shared.models import Outcome, Refusal, from_json

sys.setswitchinterval(1e-6)

def read_at_once(kind, barrier):
    barrier.wait()
    from_json('{"outcome": {"name": "canceled", "at": "2026-01-01T00:00:00Z"}}', kind)

for number in range(100):
    fields = [(f"field{i}", Optional[list[str]], None) for i in range(20)]
    inner = msgspec.defstruct("Inner", [*fields, ("refusal", Optional[Refusal], None)])
    last = ("outcome", Optional[Outcome], None)
    kind = msgspec.defstruct("Outer", [*fields, ("inner", Optional[inner], None), last])
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=read_at_once, args=(kind, barrier)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_a_type_that_many_threads_read_first_at_once_does_not_end_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_type_stays_what_it_is() -> None:
    assert ready(dict) is dict
    assert from_json('{"a": 1}', dict) == {"a": 1}
