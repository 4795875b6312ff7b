# CDAN with entropy weights (CDAN+E, Long et al., NeurIPS 2018): sure predictions lead.
cdan_e = dict(
    terms=dict(
        cdan_e=dict(
            type='mmuda.CDAN',
            tap='neck',
            in_channels=256,
            num_classes=31,
            entropy=True,
            ramp_steps=5000,
            entropy_ramp_steps=10000,
            loss_weight=1.0,
        )
    )
)
