"""Pages of requests, evidence, waivers, recalls and the past."""
