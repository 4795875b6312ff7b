# Ablation: the tokens of 1 class fall into either group at random.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_scattered-1.py 1
# Expected, from the paper (Table 2): 67.65 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(strategy='scattered-semantic', num_scattered=1)))
