# AdaptSegNet on the painted streets.
#     python tools/train.py configs/adaptsegnet/adaptsegnet_segformer_toy.py
_base_ = [
    '../_base_/models/segformer_mit-b0.py',  # the network
    '../_base_/datasets/toy_streets.py',
    '../_base_/methods/adaptsegnet.py',  # what is done with two domains
    '../_base_/schedules/adamw_toy_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.backbone.embed_dims = 16  # MiT-B0 at half its width
student.decode_head.update(in_channels=[16, 32, 80, 128], channels=64, num_classes=_base_.num_classes)
adaptsegnet = _base_.adaptsegnet
model = dict(_delete_=True, type='mmuda.UDAModel', task='segmentation', student=student, **adaptsegnet)
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'terms.adversarial': dict(lr_mult=0.03)})
)  # 1e-4, as the paper's Adam
