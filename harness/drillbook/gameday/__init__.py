"""Game days: a plan's drills on a schedule, announced, watched and abortable, with one report of them all."""
