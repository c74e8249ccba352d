"""Real servers for the tests of the app, and the app's own modules for those that need no server."""

import sys

from tests.app.fixtures import database, postgres, redis_port, shared, site
from tests.app.servers import APP

__all__ = ["database", "postgres", "redis_port", "shared", "site"]

sys.path.append(
    str(APP)
)  # the app is no package of the project; it is started with this directory on its path
