# Ablation: without the coordination weight.
#     python tools/train.py configs/stct/stct_segformer_mobilenet-v2_camvid-day2dusk-480x360_fixed-weight.py
# Expected: see configs/stct/README.md
_base_ = './stct_segformer_mobilenet-v2_camvid-day2dusk-480x360.py'

model = dict(terms=dict(target=dict(weight=dict(fixed=1.0))))
