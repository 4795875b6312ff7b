"""glibc keeps what is freed: large blocks are not mapped again."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
from mmuda.apis.allocator import keep_freed_memory
kept = {keep} and keep_freed_memory()
touched = lambda: bytearray(256 * 2**20)
touched()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    touched()
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> tuple[bool, int]:
    """Whether memory was kept, and the page faults of three times 256 MiB after the first time."""
    out = subprocess.run([sys.executable, '-c', SCRIPT.format(keep=keep)], check=True, capture_output=True, text=True)
    kept, count = map(int, out.stdout.split())
    return bool(kept), count


def test_large_blocks_are_mapped_once():
    kept, after = faults(True)
    if not kept:
        pytest.skip('the C library is not glibc')
    assert after < 0.1 * faults(False)[1]
