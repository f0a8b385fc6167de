"""Tasks as subtasks among nodes with queues."""
