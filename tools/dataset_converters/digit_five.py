"""Digit-Five (Peng et al., ICCV 2019): the published .mat files to one archive of arrays a domain.

    python tools/dataset_converters/digit_five.py --src Digit-Five.zip --out data/digit_five

Reads mnist_data.mat (its images of 32×32), mnistm_with_label.mat, svhn_{train,test}_32x32.mat, syn_number.mat and
usps_28x28.mat, and writes {mnist,mnist_m,svhn,syn,usps}.npz with x_train, y_train, x_test and y_test: uint8 images
[N, H, W] or [N, H, W, 3] (RGB) and their classes 0 to 9.
"""

from functools import partial

from arrays import from_mat, from_svhn, from_usps
from converting import run
from rules import Conversion, Rule

CONVERSION = Conversion(
    rules=(
        Rule(
            'mnist_data.mat',
            'mnist.npz',
            partial(from_mat, x_train='train_32', y_train='label_train', x_test='test_32', y_test='label_test'),
        ),
        Rule(
            'mnistm_with_label.mat',
            'mnist_m.npz',
            partial(from_mat, x_train='train', y_train='label_train', x_test='test', y_test='label_test'),
        ),
        Rule(('svhn_train_32x32.mat', 'svhn_test_32x32.mat'), 'svhn.npz', from_svhn),
        Rule(
            'syn_number.mat',
            'syn.npz',
            partial(from_mat, x_train='train_data', y_train='train_label', x_test='test_data', y_test='test_label'),
        ),
        Rule('usps_28x28.mat', 'usps.npz', from_usps),
    ),
    published={
        'mnist.npz:y_train': 55000,
        'mnist.npz:y_test': 10000,
        'mnist_m.npz:y_train': 55000,
        'mnist_m.npz:y_test': 10000,
        'svhn.npz:y_train': 73257,
        'svhn.npz:y_test': 26032,
        'syn.npz:y_train': 25000,
        'syn.npz:y_test': 9000,
        'usps.npz:y_train': 7438,
        'usps.npz:y_test': 1860,
    },
)

if __name__ == '__main__':
    run(__doc__, CONVERSION)
