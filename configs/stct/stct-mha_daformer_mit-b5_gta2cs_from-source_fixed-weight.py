# Ablation: source-pretrained start, without the coordination weight.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_from-source_fixed-weight.py 1
# Expected, from the paper (Sec. 4.3): 67.06 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(terms=dict(target=dict(weight=dict(fixed=1.0))))
load_from = 'work_dirs/source-only_daformer_mit-b5_gta2cs/iter_40000.pth'
