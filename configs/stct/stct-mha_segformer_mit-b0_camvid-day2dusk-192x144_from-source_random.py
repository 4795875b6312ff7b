# Ablation: tokens are grouped at random.
#     python tools/train.py configs/stct/stct-mha_segformer_mit-b0_camvid-day2dusk-192x144_from-source_random.py
# Expected: see configs/stct/README.md
_base_ = './stct-mha_segformer_mit-b0_camvid-day2dusk-192x144_from-source.py'

model = dict(student=dict(backbone=dict(strategy='random')))
