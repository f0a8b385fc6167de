"""How an answer is found: one algorithm a file, registered in `registry`."""
