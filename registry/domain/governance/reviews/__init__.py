"""What people and time do to a request: findings, waivers, emergencies, the inbox, and what was true in the past."""
