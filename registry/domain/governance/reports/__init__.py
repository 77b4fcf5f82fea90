"""Reports about many versions, or about one for an authority: they read what is recorded and decide nothing."""
