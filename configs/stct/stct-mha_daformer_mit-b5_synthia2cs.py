# STCT with hybrid attention: DAFormer head on MiT-B5, SYNTHIA -> Cityscapes.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_synthia2cs.py 1
# Expected, from the paper (Table 3): 59.8 mIoU16. Not run here.
_base_ = './stct_daformer_mit-b5_synthia2cs.py'

model = dict(student=dict(backbone=dict(type='mmuda.MHAMixVisionTransformer')))
