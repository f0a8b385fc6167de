"""Lower bounds on mean latency, with prices on the loads of queues and links."""
