"""Evidence that the registry makes and keeps when a promotion is requested: bills of materials, and signatures."""
