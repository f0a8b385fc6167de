"""Published policies to compare with, one a file, and the comparison harness."""
