# Everything that is neither model, data, method nor schedule.
default_scope = 'mmuda'
# Works for every model: a resume is exact to the bit, and a teacher, where there is one, is updated and scored too.
runner_type = 'mmuda.MeanTeacherRunner'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # A rank that hangs, or data that do not come, end the run after so many seconds.
    dist_cfg=dict(backend='nccl', timeout=600),
)

default_hooks = dict(
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    # Ten checkpoints a training, whatever its length; a whole number counts steps.
    checkpoint=dict(type='mmuda.CheckpointHook', by_epoch=False, interval=0.1, max_keep_ckpts=2),
)
log_processor = dict(by_epoch=False)
log_level = 'INFO'
# --cfg-options visualizer.vis_backends.1.type=TensorboardVisBackend logs there, too; WandbVisBackend and
# MLflowVisBackend likewise.
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])

# --tta of tools/test.py and tools/infer.py: the scores of several views of an image are summed. Where the data's config
# has no `tta_pipeline`, segmented images are scaled and mirrored; the sizes are mmsegmentation's.
tta_model = dict(type='mmuda.ScoreSumTTA')
tta_views = dict(scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75), flip=True)

# A run is a function of its seed: --cfg-options randomness.seed=1 is another one.
randomness = dict(seed=0, deterministic=False, diff_rank_seed=False)
load_from = None
resume = False
