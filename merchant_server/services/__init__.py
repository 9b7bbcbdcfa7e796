"""Verbs: one use case a function, each opening its unit of work. No Flask and no SQL here."""
