"""ImageNet MobileNetV2 in torchvision's names → mmseg's `MobileNetV2` backbone.

python tools/model_converters/torchvision2mmseg.py IN OUT
"""

from functools import partial

from converting import main

from mmuda.apis import run_tool
from mmuda.models.backbones.key_mapping import mobilenet_v2_from_torchvision

if __name__ == '__main__':
    run_tool(partial(main, __doc__, mobilenet_v2_from_torchvision))
