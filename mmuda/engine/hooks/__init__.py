"""Hooks."""

from .acda import ACDAHook
from .adabn import AdaBNHook
from .best_score import BestScoreHook
from .channels_last import ChannelsLastHook
from .checkpoint import CheckpointHook
from .domain_context import DomainContextHook
from .exact_resume import ExactResumeHook
from .interrupt import InterruptHook
from .mean_teacher import MeanTeacherHook
from .run_settings import RunSettingsHook
from .shard import ShardHook
from .stall import StallHook
from .train_info import TrainInfoHook

__all__ = [
    'ACDAHook',
    'AdaBNHook',
    'BestScoreHook',
    'ChannelsLastHook',
    'CheckpointHook',
    'DomainContextHook',
    'ExactResumeHook',
    'InterruptHook',
    'MeanTeacherHook',
    'RunSettingsHook',
    'ShardHook',
    'StallHook',
    'TrainInfoHook',
]
