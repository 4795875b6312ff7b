# CDAN on photographs of one's own: ResNet-50, 10,000 iterations of 36 + 36 images.
#     python tools/train.py configs/cdan/cdan_resnet50_folders.py
# Expected: of your own data. Where they lie and what the classes are: docs/datasets.md, "Your own photographs".
_base_ = [
    '../_base_/models/resnet50_bottleneck.py',  # the network
    '../_base_/datasets/folders.py',
    '../_base_/methods/cdan.py',  # what is done with two domains
    '../_base_/schedules/sgd_10k_inverse_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet50')
student.head.num_classes = _base_.num_classes
cdan = _base_.cdan.terms.cdan
cdan.update(ramp_steps=0.5, entropy_ramp_steps=1.0)  # the released code's, of 10,000 steps
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, terms=dict(cdan=cdan))
