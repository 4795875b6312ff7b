"""ImageNet MobileNetV2 in torchvision's names → mmpretrain's `MobileNetV2` backbone, with its last convolution.

python tools/model_converters/torchvision2mmpretrain.py IN OUT

ResNets need no converter: mmpretrain's have torchvision's names.
"""

from functools import partial

from converting import main

from mmuda.apis import run_tool
from mmuda.models.backbones.key_mapping import mobilenet_v2_from_torchvision

if __name__ == '__main__':
    run_tool(partial(main, __doc__, partial(mobilenet_v2_from_torchvision, last_conv=True)))
