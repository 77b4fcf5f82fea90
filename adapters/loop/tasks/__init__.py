"""What is learnt from labels: tasks, metrics and roles."""
