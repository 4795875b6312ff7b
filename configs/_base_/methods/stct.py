# Source-target coordinated training (OpenReview oBXFemWGPWN, Sec. 3.1) with a mean teacher:
#     L = L_s + mean_i Coor_i · L_t,i     Coor_i = agreement_i · (1 − e^(−alpha · step))
# The paper's alpha is for 40,000 steps. A leaf names the length that its alpha is for, so that a training of another
# length has the same ascent: stct.terms.target.weight.horizon = 40000
# The paper leaves open what of the target the student sees; here it is DAFormer's colour jitter and blur.
stct = dict(
    labeller=dict(type='mmuda.TeacherLabels', ignore_top=0, ignore_bottom=0),
    views=dict(target=dict(type='mmuda.StudentView', of='target')),  # in the place of the plain target
    terms=dict(
        target=dict(
            type='mmuda.PseudoLabelLoss',
            weight=dict(type='mmuda.CoordinationWeight', alpha=2e-4, reduction='image'),
        ),
    ),
    # Averaged weights do not belong to the student's running statistics: what that costs stands in
    # configs/stct/README.md.
    teacher_norm='batch',
)
