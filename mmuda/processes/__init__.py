"""The processes of a run: what ends them, how they agree to end, and how a hanging one is found."""

from .agreement import Agreement
from .launcher import follow_launcher
from .progress import mark
from .signals import Interrupted, caught_signals, defer, leave, release, requested
from .stalls import DEFAULT_LIMIT, StallWatch, await_verdict

__all__ = [
    'DEFAULT_LIMIT',
    'Agreement',
    'Interrupted',
    'StallWatch',
    'await_verdict',
    'caught_signals',
    'defer',
    'follow_launcher',
    'leave',
    'mark',
    'release',
    'requested',
]
