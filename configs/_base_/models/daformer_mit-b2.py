# DAFormer's architecture with MiT-B2; everything else as in daformer_mit-b0.py.
_base_ = './daformer_mit-b0.py'

model = dict(backbone=dict(embed_dims=64, num_layers=[3, 4, 6, 3]), decode_head=dict(in_channels=[64, 128, 320, 512]))
