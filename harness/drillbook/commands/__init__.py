"""What each command of `drillbook` does, behind the flags that `cli` reads."""
