"""What is reviewed around a promotion: findings."""
