"""The pure part: names, RDATA, rules, plans. No framework, no I/O."""
