"""Two-sided markets; knows no instance."""
