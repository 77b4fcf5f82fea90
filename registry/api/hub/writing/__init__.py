"""The write door of the Hub's protocol: what is sent makes a draft, and a tag makes a version of it."""
