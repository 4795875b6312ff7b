# Views of digits, 28x28: as they are (weak), or changed by two random operations and with a black square (strong).
# Dassl's Digit-Five flips strong views; a digit's mirror image is none, so nothing is flipped here.
# A data config gives `one_view` to sources and validation, `two_views` to the target. For
# methods/fixmatch_official.py, or include_source=True, the sources have two views as well.
# The square has 8 pixels: Dassl's 16 on images of 32 would hide most of a digit of MNIST, which is 20 pixels high.
resize = dict(type='Resize', scale=(28, 28))
weak = [dict(type='mmpretrain.PackInputs')]
strong = [dict(type='mmuda.RandAugmentFixMatch', num_ops=2), dict(type='mmuda.Cutout', length=8)]
one_view = [resize, *weak]
two_views = [resize, dict(type='mmuda.TwoViews', weak=weak, strong=strong)]
