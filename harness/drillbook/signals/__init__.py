"""Signals: probes at a fixed cadence, the good-or-bad series that they yield, and the alerts on those."""
