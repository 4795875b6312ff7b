# Ablation: source-pretrained start, without the coordination weight.
#     python tools/train.py configs/stct/stct_segformer_mobilenet-v2_camvid-day2dusk-480x360_from-source_fixed-weight.py
# Expected: see configs/stct/README.md
_base_ = './stct_segformer_mobilenet-v2_camvid-day2dusk-480x360.py'

model = dict(terms=dict(target=dict(weight=dict(fixed=1.0))))
load_from = 'work_dirs/source-only_segformer_mobilenet-v2_camvid-day2dusk-480x360/iter_4000.pth'
