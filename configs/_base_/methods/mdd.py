# Margin disparity discrepancy (MDD, Zhang et al., ICML 2019). Its own network has a bottleneck of 1024 channels with
# dropout 0.5 and a classifier with one hidden layer; the coefficient of the reversed gradient rises to 0.1,
# in 1,000 of 100,000 steps: a share of the training.
mdd = dict(
    terms=dict(
        mdd=dict(
            type='mmuda.MDD',
            tap='neck',
            in_channels=256,
            margin=4.0,
            channels=1024,
            high=0.1,
            ramp_steps=0.01,
            loss_weight=1.0,
        )
    )
)
