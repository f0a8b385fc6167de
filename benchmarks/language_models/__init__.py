"""Language models over unequal machines: pipelines, replicas, and the rules of tools."""
