"""Long work in processes of its own: fit, check, evaluate."""
