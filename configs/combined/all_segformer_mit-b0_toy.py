# All four methods in one network, on the toy set: STCT with hybrid attention, TransNorm, DIDA-Net's branch, ACDA.
#     python tools/train.py configs/combined/all_segformer_mit-b0_toy.py
# Expected: 60.3 mIoU (seed 0); what it is compared with is configs/stct/stct-mha_segformer_toy.py, 67.8 mIoU.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/stct.py',  # what is done with two domains: a teacher's labels,
    '../_base_/methods/acda.py',  # and alignment across layers
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
norm = dict(type='mmuda.TransNorm2d')  # TransNorm in the place of every batch norm
student = _base_.model
student.backbone.update(type='mmuda.MHAMixVisionTransformer', embed_dims=16)  # hybrid attention; half of MiT-B0's width
student.neck = dict(type='mmuda.DIDANeck', in_channels=80, out_channels=128, pool=False, all_levels=True, norm_cfg=norm)
student.decode_head.update(in_channels=[16, 32, 80, 128], channels=64, num_classes=_base_.num_classes, norm_cfg=norm)
stct = _base_.stct
stct.terms.target.weight.update(alpha=1e-3, horizon=1000)  # the paper's 2e-4 would rise to the end of the training
stct.views.target.update(of=('source', 'target'), jitter_strength=0.4)
acda = _base_.acda
acda.terms.acda.update(type='mmuda.SegmentationACDA', same_taps=('decode_head.fusion_conv.activate',), size=3)
acda.terms.acda.update(taps=('backbone.1', 'backbone.2', 'backbone.3'), in_channels=(32, 80, 128))
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=[stct, acda])
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.01)]
