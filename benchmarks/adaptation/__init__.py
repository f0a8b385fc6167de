"""Networks that change: policies, plan tables, rules, adjustments and repairs."""
