"""D3 whole: the horizontal partition, the vertical tiles, and both in turn."""
