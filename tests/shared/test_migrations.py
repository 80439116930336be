"""The migrations of each service stand in one line, numbered without a gap."""

import pytest
from alembic.script import ScriptDirectory

from tests.instance import NAMES, ROOT


@pytest.mark.parametrize("service", NAMES)
def test_each_migration_has_a_number_of_its_own(service):
    folder = ROOT / "services" / service / "migrations"
    numbers = sorted(path.name[:4] for path in (folder / "versions").glob("*.py"))
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    scripts = ScriptDirectory(str(folder))
    assert scripts.get_heads() == [numbers[-1]]
    assert [each.revision for each in scripts.walk_revisions()] == numbers[::-1]
