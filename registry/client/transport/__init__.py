"""How the client reaches a server: addresses, profiles, requests, and bytes up and down."""
