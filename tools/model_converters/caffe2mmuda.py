"""ImageNet Inception-BN with Caffe's layer names, as PyTorch's ports have it (`bn_inception-*.pth`) → `InceptionBN`.

python tools/model_converters/caffe2mmuda.py IN OUT
"""

from functools import partial

from converting import main

from mmuda.apis import run_tool
from mmuda.models.backbones.key_mapping import inception_bn_from_caffe

if __name__ == '__main__':
    run_tool(partial(main, __doc__, inception_bn_from_caffe))
