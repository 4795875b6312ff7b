# What segmentation adds to the settings of every run: pictures of its validations, drawn when somebody asks for them.
#     --cfg-options default_hooks.visualization.draw=true default_hooks.visualization.interval=10   # each tenth batch
# A teacher is scored after the student, and its pictures take the names of the student's:
# val_cfg.networks=[student] has the student alone.
_base_ = './default_runtime.py'
default_hooks = dict(visualization=dict(type='mmseg.SegVisualizationHook'))
visualizer = dict(type='mmseg.SegLocalVisualizer')
