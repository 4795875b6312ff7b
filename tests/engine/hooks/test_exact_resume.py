"""Draws of a step follow from seed, rank and step; the sampler's seed travels in the checkpoint."""

from types import SimpleNamespace

import pytest
import torch

from mmuda.engine.hooks import ExactResumeHook


def run(seed=3, iteration=5, sampler_seed=11, resume=True):
    loader = SimpleNamespace(sampler=SimpleNamespace(seed=sampler_seed))
    return SimpleNamespace(seed=seed, iter=iteration, train_dataloader=loader, _resume=resume)


def draw(**options):
    ExactResumeHook().before_train_iter(run(**options), 0)
    return torch.rand(4)


def test_draws_depend_on_seed_and_step_alone():
    first = draw()
    torch.rand(100)
    assert torch.equal(draw(), first)
    assert not torch.equal(draw(iteration=6), first)
    assert not torch.equal(draw(seed=4), first)


def test_ranks_draw_differently(monkeypatch):
    first = draw()
    monkeypatch.setattr('mmuda.engine.hooks.exact_resume.dist.get_rank', lambda: 1)
    assert not torch.equal(draw(), first)


def test_a_resume_restores_the_samplers_seed_and_load_from_does_not():
    checkpoint = {}
    ExactResumeHook().before_save_checkpoint(run(sampler_seed=42), checkpoint)
    for resume, seed in ((True, 42), (False, 11)):
        again = run(resume=resume)
        ExactResumeHook().after_load_checkpoint(again, checkpoint)
        assert again.train_dataloader.sampler.seed == seed
    ExactResumeHook().after_load_checkpoint(run(), {})


@pytest.mark.parametrize('iteration', [0, 40])
def test_the_models_step_is_the_loops_iteration(iteration):
    """Whatever step a checkpoint brought: after `load_from` the loop is at 0."""
    model = torch.nn.Module()
    model.register_buffer('step', torch.tensor(7))
    ExactResumeHook().before_train(SimpleNamespace(model=model, iter=iteration))
    assert model.step == iteration
    ExactResumeHook().before_train(SimpleNamespace(model=torch.nn.Linear(1, 1), iter=iteration))
