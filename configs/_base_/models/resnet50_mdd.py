# ResNet-50 as MDD's paper has it: a bottleneck of 1024 channels with dropout, a hidden layer in the classifier.
_base_ = './resnet50_bottleneck.py'
model = dict(
    init_cfg=dict(type='Normal', layer='Linear', std=0.01),  # of the classifier, which has no rule of its own
    neck=dict(out_channels=1024, dropout=0.5),
    head=dict(type='StackedLinearClsHead', in_channels=1024, mid_channels=[1024], dropout_rate=0.5),
)
