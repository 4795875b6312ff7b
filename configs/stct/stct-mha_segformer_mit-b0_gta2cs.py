# STCT with hybrid attention: SegFormer (MiT-B0), GTA5 -> Cityscapes.
#     tools/dist_train.sh configs/stct/stct-mha_segformer_mit-b0_gta2cs.py 1
# Expected: the paper gives no figure for this setting, and none is measured here yet.
_base_ = './stct_segformer_mit-b0_gta2cs.py'

model = dict(student=dict(backbone=dict(type='mmuda.MHAMixVisionTransformer')))
