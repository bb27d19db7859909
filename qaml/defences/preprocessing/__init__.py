"""What defences that change a classifier's inputs have in common."""
