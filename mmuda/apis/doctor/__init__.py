"""The data-set doctor: opens every file that a config will read and says what to mend before a training."""

from collections.abc import Sequence

from .findings import LEVELS, Finding, verdict
from .one_role import CHECKS
from .page import write_page
from .roles import Role, read_roles
from .survey import Survey, overview, sizes, survey_roles
from .two_roles import between_roles

__all__ = [
    'Finding',
    'Role',
    'Survey',
    'find',
    'overview',
    'read_roles',
    'sizes',
    'survey_roles',
    'verdict',
    'write_page',
]


def find(surveys: Sequence[Survey]) -> list[Finding]:
    """Return all findings, worst first."""
    found = [finding for survey in surveys for check in CHECKS for finding in check(survey)]
    return sorted([*found, *between_roles(surveys)], key=lambda finding: LEVELS.index(finding.level))
