"""The verbs: submit, dispatch, execute, look up."""
