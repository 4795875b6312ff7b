# Ablation: the groups are the halves of the image, upper and lower or left and right.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_hvh.py 1
# Expected, from the paper (Table 2): 64.55 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(strategy='hvh')))
