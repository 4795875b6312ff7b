# The static control of DIDA-Net with ResNet-50.
_base_ = './dida_resnet50.py'
model = dict(neck=dict(module=dict(type='StaticModule')))
