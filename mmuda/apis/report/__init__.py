"""The report: one page about trainings, to be sent to somebody who was not there."""

from .attention import look_at_attention
from .groups import Group, Run, choose_baseline, find_groups, main_score
from .page import write_page
from .pictures import look_at_predictions

__all__ = [
    'Group',
    'Run',
    'choose_baseline',
    'find_groups',
    'look_at_attention',
    'look_at_predictions',
    'main_score',
    'write_page',
]
