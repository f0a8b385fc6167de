"""The drawn DAG."""
