# Views of photographs as DIDA-Net's code makes them: resized to 224x224 whatever their shape, then flipped and shifted
# (weak), or flipped, changed by two random operations and with a black square (strong).
# A data config gives `one_view` to sources, `two_views` to the target, `plain_view` to validation. For
# methods/fixmatch_official.py the sources have two views as well.
view_size = 224  # of an image: the black square follows
resize = [dict(type='mmuda.LoadImage'), dict(type='Resize', scale=(view_size, view_size), backend='pillow')]
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='mmpretrain.PackInputs')
weak = [flip, dict(type='mmuda.RandomTranslation', scale=1.125, prob=0.5), pack]
strong = [flip, dict(type='mmuda.RandAugmentFixMatch', num_ops=2), dict(type='mmuda.Cutout', length=view_size // 14)]
one_view = [*resize, *weak]
two_views = [*resize, dict(type='mmuda.TwoViews', weak=weak, strong=strong)]
plain_view = [*resize, pack]
