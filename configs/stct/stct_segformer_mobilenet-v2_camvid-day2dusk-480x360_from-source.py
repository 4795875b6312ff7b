# Ablation: student and teacher start from the source-only model.
#     python tools/train.py configs/stct/stct_segformer_mobilenet-v2_camvid-day2dusk-480x360_from-source.py
# Expected: see configs/stct/README.md
_base_ = './stct_segformer_mobilenet-v2_camvid-day2dusk-480x360.py'

load_from = 'work_dirs/source-only_segformer_mobilenet-v2_camvid-day2dusk-480x360/iter_4000.pth'
