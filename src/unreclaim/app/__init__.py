"""Use cases: they join facts (room host) with judgement (room analysis), and own the passing of time."""
