"""What the runbook's CLI talks to: deployments, replicas, the edge before them, and the CLI's stand-in.

Nothing here knows a fault, a probe or a step; the layers above meet a platform through `protocols.Platform`.
"""
