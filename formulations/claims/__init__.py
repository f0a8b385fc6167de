"""What a plan may claim at all, whatever the plan: the form of its audit and its progress."""
