"""Where solvers start: cheap plans of others, and placements whose weights fit."""
