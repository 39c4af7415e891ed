"""A plugin that `cadence doctor` opens as if somebody had uploaded it."""
