"""The scaffold: what `drillbook init` finds in a team's repository, and the plan that it drafts of it."""
