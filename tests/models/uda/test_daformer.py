"""Five steps of DAFormer against the released step, typed again in plain PyTorch and float64.

Without what is random but the classes to paste: no jitter, no blur, no dropout, no drop path.
"""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch.nn import functional as F

pytest.importorskip('mmseg')

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.domain import DomainBatch
from mmuda.engine.hooks import MeanTeacherHook
from mmuda.models.uda import SelfTrainingUDA

STEPS, SIZE, NUM_CLASSES = 5, 64, 5
TOP, BOTTOM, THRESHOLD, DECAY = 4, 9, 0.5, 0.6
THINGS, DISTANCE_WEIGHT = [1, 3], 0.5
LEARNING_RATE = 1e-3


class Released:
    """The step of the released code on networks that only compute scores and features."""

    def __init__(self, student, initial_encoder):
        self.student, self.teacher, self.initial_encoder = student, deepcopy(student), initial_encoder
        self.optimizer = torch.optim.AdamW(student.parameters(), lr=LEARNING_RATE)

    def step(self, number, source, label, target):
        """One step; the three backward passes add up."""
        self.move_teacher(number)
        self.optimizer.zero_grad()
        features = self.student.backbone(source)
        cross_entropy(self.scores(self.student, features), label).mean().backward(retain_graph=True)
        (DISTANCE_WEIGHT * self.distance(features[-1], source, label)).backward()
        with torch.no_grad():
            confidence, pseudo = self.scores(self.teacher, self.teacher.backbone(target)).softmax(1).max(1)
        weight = torch.full_like(confidence, (confidence >= THRESHOLD).double().mean())
        weight[:, :TOP] = 0
        weight[:, SIZE - BOTTOM :] = 0
        pasted = self.pasted(label)
        mixed = torch.where(pasted[:, None], source, target)
        mixed_label = torch.where(pasted, label, pseudo)
        weight = torch.where(pasted, 1.0, weight)
        (weight * cross_entropy(self.scores(self.student, self.student.backbone(mixed)), mixed_label)).mean().backward()
        self.optimizer.step()
        return weight

    def move_teacher(self, number):
        """At the beginning of a step; its buffers are its own."""
        alpha = min(1 - 1 / (number + 1), DECAY)
        with torch.no_grad():
            for mean, parameter in zip(self.teacher.parameters(), self.student.parameters()):
                mean.copy_(alpha * mean + (1 - alpha) * parameter)

    def scores(self, network, features):
        """At the size of the images."""
        return F.interpolate(network.decode_head(features), (SIZE, SIZE), mode='bilinear', align_corners=False)

    def distance(self, features, source, label):
        """To the initial features, where three quarters of a patch are one thing."""
        classes = torch.where(label == 255, NUM_CLASSES, label)
        share, most = F.avg_pool2d(F.one_hot(classes).permute(0, 3, 1, 2).double(), 32).max(1)
        place = (share >= 0.75) & torch.isin(most, torch.tensor(THINGS))
        with torch.no_grad():
            initial = self.initial_encoder(source)[-1]
        return (features - initial).norm(dim=1)[place].mean()

    def pasted(self, label):
        """Pixels of half of the batch's classes, drawn for each image."""
        draw, classes = torch.rand(len(label), 256), label.unique()
        half = (len(classes) + 1) // 2
        chosen = [classes[row[classes].argsort(descending=True)[:half]] for row in draw]
        return torch.stack([torch.isin(image, mine) for image, mine in zip(label, chosen)])


def cross_entropy(scores, label):
    """Of each pixel, 0 where it is ignored."""
    return F.cross_entropy(scores, label, reduction='none', ignore_index=255)


@pytest.fixture
def model(repo, tiny_student):
    """The method file with the numbers of this test, and DAFormer's head."""
    daformer = Config.fromfile(repo / 'configs/_base_/methods/daformer.py').daformer
    daformer.labeller.update(ignore_top=TOP, ignore_bottom=BOTTOM, threshold=THRESHOLD)
    daformer.views.mixed.update(jitter_prob=0, blur_prob=0)
    distance = dict(type='mmuda.FeatureDistance', classes=THINGS, loss_weight=DISTANCE_WEIGHT)
    student = tiny_student(dropout_ratio=0, embed_dims=8, dilations=(1, 2))
    student['backbone']['drop_path_rate'] = 0.0
    student['decode_head'].update(type='mmuda.DAFormerHead', num_classes=NUM_CLASSES)
    methods = [daformer, dict(terms=dict(feature_distance=distance))]
    model = SelfTrainingUDA(task='segmentation', student=student, methods=methods)
    model.init_weights()
    for parameter in model.student.backbone.parameters():  # as after some steps: a norm has no gradient at 0
        parameter.data += 0.05 * torch.randn_like(parameter)
    model.student.decode_head.conv_seg.weight.data *= 30  # some scores are far apart
    model.teacher.load_state_dict(model.student.state_dict())
    return model.double()


def draw_scene():
    """Source images with labels in blocks, some of them ignored, and target images."""
    block = SIZE // 4
    label = torch.randint(0, NUM_CLASSES, (2, 4, 4)).repeat_interleave(block, 1).repeat_interleave(block, 2)
    label[0, :32, :32] = THINGS[0]  # one place of a thing
    label[1, -block:, :block] = 255
    return torch.randn(2, 3, SIZE, SIZE).double(), label, torch.randn(2, 3, SIZE, SIZE).double()


def test_five_steps_are_the_released_ones(model):
    released = Released(deepcopy(model.student).train(), deepcopy(model.terms['feature_distance'].reference))
    optim_wrapper = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE))
    hook = MeanTeacherHook(momentum=1 - DECAY, keep_initial=True, copy_buffers=False)
    runner = SimpleNamespace(model=model, optim_wrapper=optim_wrapper, iter=0)
    hook.before_train(runner)
    for number in range(STEPS):
        source, label, target = draw_scene()
        samples = [SegDataSample(gt_sem_seg=PixelData(data=image[None])) for image in label]
        samples += [SegDataSample(gt_sem_seg=PixelData(data=torch.full((1, SIZE, SIZE), 255)))] * 2
        model.train()
        torch.manual_seed(number)
        losses = model(torch.cat((source, target)), samples, mode='loss', layout=DomainBatch(2, 2))
        optim_wrapper.update_params(model.parse_losses(losses)[0])
        torch.manual_seed(number)
        weight = released.step(number, source, label, target)
        assert 0 < weight[weight < 1].max() < 1  # some of the teacher's pixels are sure
        hook.after_train_iter(runner, number)
    released.move_teacher(STEPS)
    for mine, theirs in ((model.student, released.student), (model.teacher, released.teacher)):
        assert_same_state(mine, theirs)
    assert (model.teacher.decode_head.conv_seg.weight - model.student.decode_head.conv_seg.weight).abs().max() > 1e-4


def assert_same_state(mine, theirs):
    state = theirs.state_dict()
    for name, value in mine.state_dict().items():
        assert (value - state[name]).abs().max() <= 1e-5, name
