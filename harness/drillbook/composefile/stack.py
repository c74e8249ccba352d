"""The stack that a compose file comes to in a drill, by which of its services plays which role."""

from __future__ import annotations

from functools import lru_cache

from drillbook.composed import ComposeStack
from drillbook.composefile import program, servers
from drillbook.composefile.outline import ROLES, Choice, read_outline
from drillbook.composefile.services import Services
from drillbook.errors import InputError


@lru_cache(maxsize=16)
def resolve(choice: Choice) -> tuple[ComposeStack, tuple[InputError, ...]]:
    """What a drill takes of a compose file, and what it leaves out: each a line to be told.

    Raises:
        InputError: Compose is not here, it can't read the file, or a drill can't take what it says.
    """
    outline = read_outline(choice.file)
    services = Services(outline, program.config(choice.file, outline))
    for role in ROLES:
        name = choice.role(role)
        if name and name not in services.known:
            raise InputError(f"there is no service {name!r}, which the plan names", path=choice.file)
    app, jobs = services.service(choice.app), services.jobs(choice.app)
    database = servers.database(services, choice.database, choice.app) if choice.database else None
    cache = servers.cache(services, choice.cache, choice.app) if choice.cache else None
    taken = {*map(choice.role, ROLES), *(job.name for job in jobs)}
    for name in services.known:
        if name not in taken:
            services.leave(f"the service {name!r} is not started, for it is neither of the plan's", name)
    stack = ComposeStack(str(choice.file), app, choice.port, jobs, database, cache)
    return stack, services.left_out
