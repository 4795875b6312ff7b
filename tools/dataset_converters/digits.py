"""SVHN and MNIST as published to one archive of arrays each, for SVHN -> MNIST.

    python tools/dataset_converters/digits.py --src train_32x32.mat test_32x32.mat --out data/digits
    python tools/dataset_converters/digits.py --src folder_of_mnist/ --out data/digits

Reads SVHN's cropped digits (format 2) or MNIST's four idx files, compressed or not. Writes svhn.npz or mnist.npz with
x_train, y_train, x_test and y_test: uint8 images [N, H, W] or [N, H, W, 3] (RGB) and their classes 0 to 9.
"""

from arrays import from_idx, from_svhn
from converting import run
from rules import Conversion, Rule

NAME = '{part}-{kind}{{dot:[-.]}}idx{axes}-ubyte{{gz:|[.]gz}}'
MNIST = tuple(
    NAME.format(part=part, kind=kind, axes=axes)
    for part in ('train', 't10k')
    for kind, axes in (('images', 3), ('labels', 1))
)
CONVERSION = Conversion(
    rules=(
        Rule(('train_32x32.mat', 'test_32x32.mat'), 'svhn.npz', from_svhn),
        Rule(MNIST, 'mnist.npz', from_idx),
    ),
    published={
        'svhn.npz:y_train': 73257,
        'svhn.npz:y_test': 26032,
        'mnist.npz:y_train': 60000,
        'mnist.npz:y_test': 10000,
    },
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
