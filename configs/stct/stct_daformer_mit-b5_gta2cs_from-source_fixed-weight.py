# Ablation: source-pretrained start, without the coordination weight.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_from-source_fixed-weight.py 1
# The paper's 67.06 mIoU (Sec. 4.3) is with hybrid attention, see stct-mha_daformer_mit-b5_gta2cs_*. Not run here.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(terms=dict(target=dict(weight=dict(fixed=1.0))))
load_from = 'work_dirs/source-only_daformer_mit-b5_gta2cs/iter_40000.pth'
