# Views of digits, 32x32: as they are (weak), or changed by two random operations and with a black square (strong).
# Dassl's Digit-Five flips strong views; a digit's mirror image is none, so nothing is flipped here.
# A data config gives `one_view` to sources and validation, `two_views` to the target. For
# methods/fixmatch_official.py the sources have two views as well.
view_size = 32  # of an image: the black square follows
resize = dict(type='Resize', scale=(view_size, view_size))
weak = [dict(type='mmpretrain.PackInputs')]
strong = [dict(type='mmuda.RandAugmentFixMatch', num_ops=2), dict(type='mmuda.Cutout', length=view_size // 2)]
one_view = [resize, *weak]
two_views = [resize, dict(type='mmuda.TwoViews', weak=weak, strong=strong)]
