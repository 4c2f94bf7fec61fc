"""Every rule over every file of the project."""

from __future__ import annotations

from pathlib import PurePosixPath as Path

import pytest
from lint_files import project_files, read_text
from lint_rules import RULES, Rule

TEXTS = [(Path(path), text) for path in project_files() if (text := read_text(path)) is not None]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule(rule: Rule) -> None:
    wrong = [
        f"{path}:{line}: {message}"
        for path, text in TEXTS
        for line, message in rule.check(path, text)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_files_were_found() -> None:
    assert Path("CMakeLists.txt") in dict(TEXTS)
    assert Path(".ci/run") in dict(TEXTS)
