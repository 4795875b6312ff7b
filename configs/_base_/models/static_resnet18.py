# The static control of DIDA-Net with ResNet-18 (Tables IV and V): learned depth-wise kernels instead of generated ones.
_base_ = './dida_resnet18.py'
model = dict(neck=dict(module=dict(type='StaticModule')))
