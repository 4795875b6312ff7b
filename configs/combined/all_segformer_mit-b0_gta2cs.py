# All four methods in one network: STCT with hybrid attention, TransNorm, DIDA-Net's branch, ACDA; GTA5 -> Cityscapes.
#     tools/dist_train.sh configs/combined/all_segformer_mit-b0_gta2cs.py 1
# Expected: no paper combines them, and nothing is measured here yet.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/gta2cityscapes_512x512.py',
    '../_base_/methods/stct.py',  # what is done with two domains: a teacher's labels,
    '../_base_/methods/acda.py',  # and alignment across layers
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
norm = dict(type='mmuda.TransNorm2d')  # TransNorm in the place of every batch norm
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
pretrained = dict(type='Pretrained', checkpoint=_base_.mit_weights)
student.backbone.update(type='mmuda.MHAMixVisionTransformer', init_cfg=pretrained)  # hybrid attention
student.neck = dict(type='mmuda.DIDANeck', in_channels=160, out_channels=256, pool=False, norm_cfg=norm)
student.neck.all_levels = True
student.decode_head.norm_cfg = norm
stct = _base_.stct
stct.terms.target.weight.horizon = 40000  # what the paper's alpha is for
stct.labeller.update(ignore_top=15, ignore_bottom=120)  # rectification, bonnet of the ego car
acda = _base_.acda
acda.terms.acda.update(type='mmuda.SegmentationACDA', same_taps=('decode_head.fusion_conv.activate',), size=8)
acda.terms.acda.update(taps=('backbone.1', 'backbone.2', 'backbone.3'), in_channels=(64, 160, 256))
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=[stct, acda])
new = dict(lr_mult=10.0)  # layers without ImageNet weights, as the head
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'neck.': new, 'terms.': new}))
