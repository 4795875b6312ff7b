# ACDA of all four stages: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_m-4.py
# Expected, from the paper (Table 7, mean of six pairs): 91.02 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
taps = ('backbone.layer1', 'backbone.layer2', 'backbone.layer3', 'backbone.layer4')
model = dict(terms=dict(acda=dict(taps=taps, in_channels=(256, 512, 1024, 2048))))
