# The sizes of MiT (Xie et al., NeurIPS 2021, Table 6) and mmseg's files of their ImageNet weights, which were converted
# from NVIDIA's: under the NVIDIA Source Code License for SegFormer, for research and evaluation alone.
# segformer_mit-b0.py and daformer_mit-b5.py choose one of them: --cfg-options mit=b3
mit_embed_dims = dict(b0=32, b1=64, b2=64, b3=64, b4=64, b5=64)
mit_num_layers = dict(
    b0=[2, 2, 2, 2], b1=[2, 2, 2, 2], b2=[3, 4, 6, 3], b3=[3, 4, 18, 3], b4=[3, 8, 27, 3], b5=[3, 6, 40, 3]
)
mit_files = dict(
    b0='mit_b0_20220624-7e0fe6dd.pth',
    b1='mit_b1_20220624-02e5a6a1.pth',
    b2='mit_b2_20220624-66e8bf70.pth',
    b3='mit_b3_20220624-13b1141c.pth',
    b4='mit_b4_20220624-d588d980.pth',
    b5='mit_b5_20220624-658746d9.pth',
)
mit_url = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer'
