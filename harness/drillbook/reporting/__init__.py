"""The reports of a drill: what the journal says, told for people. Nothing here measures or judges."""
