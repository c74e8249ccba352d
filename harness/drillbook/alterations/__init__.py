"""What drills with altered steps say: which steps are needed, and whether a drill notices a worse one."""
