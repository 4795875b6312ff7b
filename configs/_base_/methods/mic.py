# Masked image consistency (MIC, Hoyer et al., CVPR 2023) with a mean teacher:
#     L_M = mean over all pixels of w · CE(f(M ∘ a(x_t)), ŷ)      ŷ, w: the teacher's labels of the plain target
# The paper adds it to DAFormer or HRDA; alone it is a method, too. Blocks of 64 pixels are for crops of 1024 pixels,
# 32 for 512: mic.views.masked.block = 32
mic = dict(
    labeller=dict(type='mmuda.TeacherLabels', confidence='share_of_all', threshold=0.968),
    views=dict(
        augmented=dict(type='mmuda.StudentView', of='target', style='released'),
        masked=dict(type='mmuda.BlockMask', of='augmented', ratio=0.7, block=64),
    ),
    terms=dict(masked=dict(type='mmuda.PseudoLabelLoss', view='masked', reduction='all')),
    passes='separate',  # source and masked images have a pass each, as in the released code
    teacher_norm='batch',
)
