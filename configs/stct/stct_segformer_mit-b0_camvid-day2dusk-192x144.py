# STCT: SegFormer (MiT-B0) from random weights, CamVid day -> dusk at 192x144.
#     python tools/train.py configs/stct/stct_segformer_mit-b0_camvid-day2dusk-192x144.py
# Expected: see configs/stct/README.md
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/camvid_day2dusk_192x144.py',
    '../_base_/methods/stct.py',  # what is done with two domains
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
# From random weights a network learns colours first: without strong distortion it is blind at dusk.
source_pipeline = _base_.train_pipeline.copy()
source_pipeline.insert(-1, dict(type='mmseg.PhotoMetricDistortion', brightness_delta=64, contrast_range=(0.3, 1.5)))
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline)))
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
stct = _base_.stct
stct.terms.target.weight.update(alpha=2e-3, horizon=3000)
stct.views.target.jitter_strength = 0.4
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, **stct)
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=2.0))))
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.01)]
train_cfg = dict(max_iters=3000)
param_scheduler = dict(warmup=0.05)  # 150 steps
