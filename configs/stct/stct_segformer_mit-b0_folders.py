# STCT on street images of one's own: SegFormer (MiT-B0) from random weights, crops of 480x360.
#     python tools/train.py configs/stct/stct_segformer_mit-b0_folders.py
# Expected: of your own data. Where they lie and what the classes are: docs/own_data.md.
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/street_folders.py',
    '../_base_/methods/stct.py',  # what is done with two domains
    '../_base_/schedules/adamw_4k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
stct = _base_.stct
stct.terms.target.weight.update(alpha=2e-3, horizon=4000)  # the paper's 2e-4 is for 40,000 steps
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, **stct)
custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.005)]
