# CDAN with entropy weights (CDAN+E, Long et al., NeurIPS 2018): sure predictions lead.
# Ramps are shares of the training; those of the released code, 5,000 and 10,000 steps, are of 100,000.
cdan_e = dict(
    terms=dict(
        cdan_e=dict(
            type='mmuda.CDAN',
            tap='neck',
            in_channels=256,
            entropy=True,
            ramp_steps=0.05,
            entropy_ramp_steps=0.1,
            loss_weight=1.0,
        )
    )
)
