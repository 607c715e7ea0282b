"""Signal math, fills and built-in strategies, compiled. Imports nothing of ours."""
