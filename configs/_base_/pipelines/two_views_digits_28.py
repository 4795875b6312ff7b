# Views of digits, 28x28: larger or smaller and shifted (weak); that, changed by two random operations and with a black
# square (strong). Digits of USPS fill the image and those of MNIST 20 of its 28 pixels, hence the factors 0.7 and 1.4.
# Dassl's Digit-Five flips strong views; a digit's mirror image is none, so nothing is flipped here.
# A data config gives `one_view` to sources, `two_views` to the target. For methods/fixmatch_official.py, or
# include_source=True, the sources have two views as well.
# The square has 8 pixels: Dassl's 16 on images of 32 would hide most of a digit of MNIST.
view_size = 28  # of an image: the black square follows
resize = dict(type='Resize', scale=(view_size, view_size))
move = dict(type='mmuda.RandomScaleShift', scale=(0.7, 1.4), shift=0.1)
weak = [move, dict(type='mmpretrain.PackInputs')]
strong = [move, dict(type='mmuda.RandAugmentFixMatch', num_ops=2), dict(type='mmuda.Cutout', length=view_size * 2 // 7)]
one_view = [resize, *weak]
two_views = [resize, dict(type='mmuda.TwoViews', weak=weak, strong=strong)]
