"""From steps to artefacts: the store, the scheduler, and the code of each step."""
