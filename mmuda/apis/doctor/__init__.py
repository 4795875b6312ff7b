"""The data-set doctor: opens every file that a config will read and says what to mend before a training."""

from .findings import Finding, find, verdict
from .page import write_page
from .roles import Role, read_roles
from .survey import Survey, sizes, survey_roles

__all__ = ['Finding', 'Role', 'Survey', 'find', 'read_roles', 'sizes', 'survey_roles', 'verdict', 'write_page']
