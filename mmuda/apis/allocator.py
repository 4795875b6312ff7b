"""Keep freed host memory for the next training step.

glibc maps every tensor above 32 MiB afresh and unmaps it when freed, so a training step on a CPU spends part
of its time on page faults: half a million in one of the DAFormer head at 256². Measured in docs/performance.md.
"""

from __future__ import annotations

import ctypes

# From malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4


def keep_freed_memory() -> bool:
    """Let glibc serve large blocks from its heap and never shrink it; False, and nothing done, without glibc.

    Costs 0.1 to 0.8 GB of memory that stays with the process. Call it before training, in every process.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, 'gnu_get_libc_version'):
        return False
    # glibc before 2.35 refuses a threshold above 32 MiB; it can do without mapping at all.
    served = libc.mallopt(_M_MMAP_THRESHOLD, 2**30) or libc.mallopt(_M_MMAP_MAX, 0)
    return bool(served and libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
