"""What a run computes on: device, processes, and the settings that make a run repeatable."""
