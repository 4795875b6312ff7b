# dida_cnn2_mnist2usps without MixStyle: FixMatch on the plain network, plus the DIDA module.
#     python tools/train.py configs/dida/dida_cnn2_mnist2usps_no-mixstyle.py
# Expected: not measured here yet.
_base_ = './dida_cnn2_mnist2usps.py'
model = dict(student=dict(backbone=dict(after={'stages.0': None})))
