"""A hook of schemathesis: each request comes from a client of its own, as behind a proxy.

What visitors may do is limited per client. Without this, most of what is generated would meet a limit
and not the code behind it.
"""

import ipaddress
import itertools

import schemathesis

FIRST = ipaddress.IPv4Address("10.0.0.1")
NUMBERS = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers["X-Forwarded-For"] = str(FIRST + next(NUMBERS))
