"""What the tools stand on: configs, launching, errors, inference."""

from mmuda.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    dict(
        checkpoint=('check_checkpoint', 'load_checkpoint', 'read_checkpoint', 'read_state'),
        command_line=('ToolParser', 'at_least', 'fraction'),
        config=('load_config', 'load_part'),
        distributed=('init_distributed', 'leave_distributed', 'process_group'),
        errors=('UserError', 'explain', 'run_tool'),
        inferencer=('UDAInferencer',),
        launch=(
            'build_runner',
            'enable_amp',
            'enable_auto_scale_lr',
            'enable_compile',
            'evaluate',
            'set_resume',
            'set_work_dir',
            'train',
        ),
        paths=('check_out_dir', 'check_out_file'),
        preflight=('check_config', 'check_data_roots', 'check_pretrained', 'check_schedule', 'check_training'),
        training_dir=('training_in',),
        tta=('enable_tta',),
    ),
)
