# DIDA-Net: ResNet-101, DomainNet, five sources, 40 epochs of 30 + 6 images.
#     python tools/train.py configs/dida/dida_resnet101_domainnet.py
# Expected, from the paper (Table IIIc, mean of six targets): 51.9 % accuracy. Not run here.
# The target: MMUDA_TARGET=sketch (clipart by default).
# On DomainNet the paper weighs every strong view by the confidence of its label.
_base_ = [
    '../_base_/models/dida_resnet101.py',  # the network
    '../_base_/datasets/domainnet.py',
    '../_base_/methods/fixmatch.py',  # what is done with two domains
    '../_base_/schedules/sgd_40e_cosine_x10.py',
    '../_base_/default_runtime.py',
]
student = _base_.model
student.head.num_classes = _base_.num_classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint='torchvision://resnet101')
model = dict(_delete_=True, type='mmuda.UDAModel', task='classification', student=student, **_base_.fixmatch)
model['labeller']['weighting'] = 'confidence'
