"""A year of invented events for trying the product out, told from one file of figures.

Pure and seeded: one scenario gives the same events at every call, down to their ids, so that what
is loaded twice is counted once. Nobody in it exists: people are numbered samples, and every source
begins with a mark (`/demo`) by which notify knows that nothing of it may be sent.
"""

from shared.demo.scenario import Scenario, read_scenario
from shared.demo.telling import tell

__all__ = ["Scenario", "read_scenario", "tell"]
