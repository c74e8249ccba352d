"""A team's compose file: which services a drill takes from it, and what of them, and what it leaves out.

Which services there are is read here, so that a plan can be checked anywhere. All else is read by Compose
itself, for its grammar and its variables are its own. Nothing of it is started here.
"""
