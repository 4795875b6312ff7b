# dida_cnn3_mnist2mnistm without MixStyle: FixMatch on the plain network, plus the DIDA module.
#     python tools/train.py configs/dida/dida_cnn3_mnist2mnistm_no-mixstyle.py
# Expected: not measured here yet.
_base_ = './dida_cnn3_mnist2mnistm.py'
model = dict(student=dict(backbone=dict(after={'stages.0': None})))
