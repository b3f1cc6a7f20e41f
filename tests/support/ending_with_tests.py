"""Imported by the process from which programs are forked: that one, and so its forks, ends with the tests."""

from tests.support.processes import die_with_parent

die_with_parent()
