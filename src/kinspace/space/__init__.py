"""Hub, Space and what stands behind them: the log in memory, views, the write path, flush and compaction."""
