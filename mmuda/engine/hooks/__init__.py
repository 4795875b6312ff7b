"""Hooks."""

from .channels_last import ChannelsLastHook
from .domain_context import DomainContextHook
from .mean_teacher import MeanTeacherHook
from .step_seed import StepSeedHook
from .train_info import TrainInfoHook

__all__ = ['ChannelsLastHook', 'DomainContextHook', 'MeanTeacherHook', 'StepSeedHook', 'TrainInfoHook']
