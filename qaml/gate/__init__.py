"""The regression gate: what a run measured against what an accepted one did, cell by cell."""
