"""The code of each kind of step: parents' files in, the artefact's files out."""
