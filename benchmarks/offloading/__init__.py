"""Many users and fog nodes: who computes whose subtasks, how fast it is found, and how well."""
