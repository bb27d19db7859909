"""From artefacts to outcomes: intervals, validity findings, verdicts."""
