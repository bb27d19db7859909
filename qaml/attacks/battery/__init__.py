"""The diagnostics' own attacks: members that share no blind spot, one after the other on what is still right."""
