"""The processes of a run: sums over them, what ends them, how they agree to end, and how a hanging one is found."""

from mmuda.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    dict(
        agreement=('Agreement',),
        collectives=('gather_over_ranks', 'num_ranks', 'rows_of_all_ranks', 'sum_over_ranks'),
        launcher=('follow_launcher',),
        progress=('mark',),
        signals=('Interrupted', 'caught_signals', 'defer', 'leave', 'release', 'requested'),
        stalls=('DEFAULT_LIMIT', 'StallWatch', 'await_verdict'),
    ),
)
