"""Commands of policies, requests, findings, waivers, emergencies, statuses and recalls."""
