"""One layer after another."""
