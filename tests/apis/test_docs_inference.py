"""The snippet of docs/inference.md runs, and sees what the toolbox sees."""

import re
from collections import Counter

import numpy as np
from PIL import Image

from mmuda.apis import UDAInferencer
from mmuda.apis.export import export
from mmuda.datasets.toy_scenes.render import render


def test_a_file_is_used_without_the_toolbox(repo, toy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    predict = UDAInferencer(*toy, device='cpu')
    weight = predict.network.decode_head.conv_seg.weight
    weight.data = weight.data.new_empty(weight.shape).normal_()  # so that not one class wins everywhere
    image, _ = render(0)
    Image.fromarray(image).save('street.png')
    export(predict, ['student.onnx'], image)
    (snippet,) = re.findall(r'```python\n(.*?)```', (repo / 'docs/inference.md').read_text(), re.DOTALL)
    exec(compile(snippet, 'docs/inference.md', 'exec'), {})
    shares = Counter(predict.classes[k] for k in predict.predict(np.asarray(image)).ravel())
    said = {name: round(shares[name] / image[..., 0].size, 3) for name in predict.classes}
    assert capsys.readouterr().out.strip() == str(said)
    assert len(shares) > 1
