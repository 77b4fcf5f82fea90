"""What every repository shares: engines, column types, pages and upserts."""
