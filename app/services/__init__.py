"""The verbs. A door calls one of these for everything that it does."""
