"""Whether what a plan claims is true; and what its audit and progress may claim at all."""
