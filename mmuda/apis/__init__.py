"""What the tools stand on: configs, launching, errors, inference."""

from .checkpoint import check_checkpoint, load_checkpoint, read_checkpoint, read_state
from .command_line import ToolParser, at_least, fraction
from .config import load_config
from .distributed import init_distributed, leave_distributed, process_group
from .errors import UserError, explain, run_tool
from .inferencer import UDAInferencer
from .launch import (
    build_runner,
    enable_amp,
    enable_auto_scale_lr,
    enable_tta,
    evaluate,
    set_resume,
    set_work_dir,
    train,
)
from .paths import check_out_dir, check_out_file
from .preflight import check_config, check_data_roots, check_pretrained, check_schedule, check_training
from .training_dir import training_in

__all__ = [
    'ToolParser',
    'UDAInferencer',
    'UserError',
    'at_least',
    'build_runner',
    'check_checkpoint',
    'check_config',
    'check_data_roots',
    'check_out_dir',
    'check_out_file',
    'check_pretrained',
    'check_schedule',
    'check_training',
    'enable_amp',
    'enable_auto_scale_lr',
    'enable_tta',
    'explain',
    'fraction',
    'init_distributed',
    'leave_distributed',
    'load_config',
    'process_group',
    'load_checkpoint',
    'read_checkpoint',
    'read_state',
    'run_tool',
    'set_resume',
    'set_work_dir',
    'evaluate',
    'train',
    'training_in',
]
