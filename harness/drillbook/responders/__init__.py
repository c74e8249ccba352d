"""The responders: who acts in a drill, and the shell in which they do."""
