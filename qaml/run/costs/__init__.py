"""What steps cost: their work as numbers, what earlier steps took, and estimates for those to come."""
