"""splitfog: split a neural network over devices, fog and cloud."""
