# STCT with hybrid attention: SegFormer (MiT-B0), CamVid day -> dusk at 480x360.
#     python tools/train.py configs/stct/stct-mha_segformer_mit-b0_camvid-day2dusk-480x360.py
# Expected: see configs/stct/README.md
_base_ = './stct_segformer_mit-b0_camvid-day2dusk-480x360.py'

model = dict(student=dict(backbone=dict(type='mmuda.MHAMixVisionTransformer')))
