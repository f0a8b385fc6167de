"""What is given: models, nodes, links, tasks, and where they come from."""
