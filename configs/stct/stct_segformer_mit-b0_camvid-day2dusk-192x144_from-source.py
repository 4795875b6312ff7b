# Student and teacher start from the source-only model.
#     python tools/train.py configs/stct/stct_segformer_mit-b0_camvid-day2dusk-192x144_from-source.py
# Expected: see configs/stct/README.md
_base_ = './stct_segformer_mit-b0_camvid-day2dusk-192x144.py'

load_from = 'work_dirs/source-only_segformer_mit-b0_camvid-day2dusk-192x144/iter_3000.pth'
train_cfg = dict(max_iters=1200, val_interval=400)
param_scheduler = dict(warmup=0.125)  # 150 steps
