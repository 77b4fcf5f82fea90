"""Somebody with an account who wants to ship what should not ship: each way they tried, refused or made to show."""
