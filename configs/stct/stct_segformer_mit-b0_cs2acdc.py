# STCT: SegFormer (MiT-B0), Cityscapes -> ACDC, 40,000 iterations, 2 + 2 images a step.
#     python tools/train.py configs/stct/stct_segformer_mit-b0_cs2acdc.py
# Expected: not measured here yet.
# ImageNet weights: tools/model_converters/mit2mmseg.py mit_b0.pth work_dirs/mit_b0_mmseg.pth
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/cityscapes2acdc_512x512.py',
    '../_base_/methods/stct.py',  # what is done with two domains
    '../_base_/methods/feature_distance.py',  # keeps thing classes near their ImageNet features
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='work_dirs/mit_b0_mmseg.pth')
methods = [_base_.stct, _base_.feature_distance]
model = dict(_delete_=True, type='SelfTrainingUDA', task='segmentation', student=student, methods=methods)
