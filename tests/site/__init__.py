"""The fixture site: a loopback server that writes down the truth, and pages of named leak mechanisms."""
