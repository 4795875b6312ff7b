# STCT with hybrid attention in all four stages, both ways, grouped by classes: the paper's setting.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs.py 1
# Expected, from the paper (Tables 1 and 2): 68.05 mIoU. Not run here.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(
    student=dict(
        backbone=dict(
            type='mmuda.MHAMixVisionTransformer',
            mha_stages=(0, 1, 2, 3),  # counted from 0
            direction='both',
            strategy='semantic',
        )
    )
)
