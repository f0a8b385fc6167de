"""Ways of adapting by name: rules on a table, and methods that solve again."""
