"""Is this data fit to learn from? Faults found before they become faults in production."""

from offspec.health.check import HealthReport, check

__all__ = ["HealthReport", "check"]
