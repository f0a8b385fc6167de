"""What one node may hold within a time: sets of units by their load, and bounds made of them."""
