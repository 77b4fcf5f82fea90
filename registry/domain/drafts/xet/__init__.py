"""What `hf-xet` sends: files cut into chunks, chunks packed into xorbs, and shards that say which chunks a file is."""
