"""Runners, loops and the wrapper of several processes."""

from .data_parallel import UDADataParallel
from .fully_sharded import UDAFullyShardedDataParallel
from .loops import MeanTeacherValLoop, ResumableEpochLoop, ResumableTrainLoop
from .mean_teacher import MeanTeacherRunner
from .size_groups import SizeGroupedTestLoop, SizeGroupedValLoop

__all__ = [
    'MeanTeacherRunner',
    'MeanTeacherValLoop',
    'ResumableEpochLoop',
    'ResumableTrainLoop',
    'SizeGroupedTestLoop',
    'SizeGroupedValLoop',
    'UDADataParallel',
    'UDAFullyShardedDataParallel',
]
