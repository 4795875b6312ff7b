# STCT: SegFormer (MiT-B0), Cityscapes -> ACDC, 40,000 iterations, 2 + 2 images a step.
#     python tools/train.py configs/stct/stct_segformer_mit-b0_cs2acdc.py
# Expected: not measured here yet.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/cityscapes2acdc_512x512.py',
    '../_base_/methods/stct.py',  # what is done with two domains
    '../_base_/methods/feature_distance.py',  # keeps thing classes near their ImageNet features
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint=_base_.mit_weights)
stct = _base_.stct
stct.terms.target.weight.horizon = 40000  # what the paper's alpha is for
methods = [stct, _base_.feature_distance]
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=methods)
