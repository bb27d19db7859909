"""The Square attack: random search by scores."""
