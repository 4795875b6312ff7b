# Ablation: alpha = 0, so the target never counts: source only, with all else of STCT.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_alpha-0.py 1
# Expected, from the paper (Fig. 4): 51.37 mIoU. Not measured here yet.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(terms=dict(target=dict(weight=dict(alpha=0.0))))
