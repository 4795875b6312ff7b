# dida_resnet50_officehome without MixStyle: FixMatch on the plain network, plus the branch.
#     python tools/train.py configs/dida/dida_resnet50_officehome_no-mixstyle.py
# Expected: not measured here yet.
# The pair of domains: MMUDA_PAIR=product-real (art-clipart by default).
_base_ = './dida_resnet50_officehome.py'
model = dict(student=dict(backbone=dict(after=dict(layer1=None))))
