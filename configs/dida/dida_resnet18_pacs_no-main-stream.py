# dida_resnet18_pacs whose last stage is the branch alone.
#     python tools/train.py configs/dida/dida_resnet18_pacs_no-main-stream.py
# Expected, from the paper (Table IV, mean of four targets): 80.78 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs.py'
no_layer4 = dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
model = dict(student=dict(backbone=no_layer4, neck=dict(main_stream=False)))
