"""What stands beside and below the DAG."""
