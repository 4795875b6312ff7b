# VFM-UDA (Englert et al., 2024): DACS and masked images, with labels of a teacher that also sees the mirrored images:
#     L = L_s + mean of w · CE(f(augmented mix), mixed label) + mean of w · CE(f(M ∘ a(x_t)), ŷ)
# M hides each patch of the vision transformer with probability 0.7; its token is DINOv2's mask token.
vfm_uda = dict(
    labeller=dict(type='mmuda.TeacherLabels', confidence='share_of_all', threshold=0.968, flip=True),
    views=dict(
        pasted=dict(type='mmuda.ClassMix', classes_from='image'),
        mixed=dict(type='mmuda.StudentView', of='pasted'),
        augmented=dict(type='mmuda.StudentView', of='target'),
        masked=dict(type='mmuda.TokenMask', of='augmented', ratio=0.7, patch=14),
    ),
    terms={name: dict(type='mmuda.PseudoLabelLoss', view=name, reduction='all') for name in ('mixed', 'masked')},
    passes='separate',  # source, mixed and masked images have a pass each, as in the released code
    teacher_norm='batch',
)
