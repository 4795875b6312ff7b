# STCT with hybrid attention, source-pretrained start: SegFormer (MiT-B0), CamVid day -> dusk.
#     python tools/train.py configs/stct/stct-mha_segformer_mit-b0_camvid-day2dusk-192x144_from-source.py
# Expected: see configs/stct/README.md
_base_ = './stct_segformer_mit-b0_camvid-day2dusk-192x144_from-source.py'

model = dict(student=dict(backbone=dict(type='mmuda.MHAMixVisionTransformer')))
