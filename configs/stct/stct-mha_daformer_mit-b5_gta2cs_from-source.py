# Student and teacher start from the source-only model.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_from-source.py 1
# Expected, from the paper (Sec. 4.3): 69.18 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

load_from = 'work_dirs/source-only_daformer_mit-b5_gta2cs/iter_40000.pth'
