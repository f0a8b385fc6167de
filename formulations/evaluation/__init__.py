"""What a plan, by names, costs and breaks: the reference costs of what callers give."""
