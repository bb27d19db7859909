"""qaml: claims about adversarially robust (quantum) machine learning, as tests that train, attack and judge."""
