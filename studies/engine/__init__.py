"""How jobs are run: here, or in processes that can be killed."""
