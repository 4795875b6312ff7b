# ACDA without attention: every pair of layers weighs 1/m: MobileNetV2, Office-Caltech-10.
#     python tools/train.py configs/acda/acda_mobilenet-v2_office-caltech10_no-attention.py
# Expected: see "Measured" in configs/acda/README.md.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './acda_mobilenet-v2_office-caltech10.py'
model = dict(terms=dict(acda=dict(attention=False)))
