"""The laboratory: makes leaks with a known answer, in places of its own that it removes again, and compares units."""
