"""Run-time adjustment after D3: a recorded horizontal partition, redone only where it fails."""
