"""The pure part: names, RDATA, rules, statuses, expectations, decisions, errors. No framework, no I/O."""
