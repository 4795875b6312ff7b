# What segmentation adds to the settings of every run.
#
# Pictures of its validations, drawn when somebody asks for them; those of a teacher are called teacher_*:
#     --cfg-options default_hooks.visualization.draw=true default_hooks.visualization.interval=10   # each tenth batch
# Beside the last checkpoints, the best one by a criterion that needs no label: docs/choose_a_checkpoint.md.
#     --cfg-options default_hooks.checkpoint.save_best=mIoU    # by labels; None: the last ones only
_base_ = './default_runtime.py'
default_hooks = dict(
    visualization=dict(type='mmseg.SegVisualizationHook'),
    checkpoint=dict(save_best='mmuda/mutual_information'),
)
visualizer = dict(type='mmseg.SegLocalVisualizer')
