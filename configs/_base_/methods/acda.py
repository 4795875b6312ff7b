# Attention-based cross-layer domain alignment (ACDA, Neurocomputing 2022, Eqs. 2-8), for a ResNet-50 with a bottleneck:
#     L_ali = delta · Σ_ij w_ij dist(l_i^t, l_j^s) + (1 - delta) · dist(f^s, f^t)
# Class by class with pseudo-labels: custom_hooks = [dict(type='mmuda.ACDAHook', ...)]; without: acda.condition='none'.
# As the released code aligns: acda.update(same_taps=('neck', 'probs'), condition='cdd', reduction='sum').
acda = dict(
    terms=dict(
        acda=dict(
            type='mmuda.ACDA',
            taps=('backbone.layer2', 'backbone.layer3', 'backbone.layer4'),
            in_channels=(512, 1024, 2048),
            same_taps=('neck',),
            channels=32,
            size=7,
            num_layers=3,
            residual=True,
            delta=0.7,
            loss_weight=0.3,
            condition='intra',
        )
    )
)
