# dida_cnn3_svhn2mnist without MixStyle: FixMatch on the plain network, plus the DIDA module.
#     python tools/train.py configs/dida/dida_cnn3_svhn2mnist_no-mixstyle.py
# Expected: not measured here yet.
_base_ = './dida_cnn3_svhn2mnist.py'
model = dict(student=dict(backbone=dict(after={'stages.0': None})))
