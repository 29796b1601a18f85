"""Cuts a Python process off from the network: `make test` and `make book` put this folder on PYTHONPATH.

Kernels of notebooks and other Python processes that they start inherit it. Connections to this machine itself still
work, because a kernel talks to its notebook over them.
"""

import ipaddress
import socket
import sys

LOCAL_NAMES = {"", "localhost", "ip6-localhost", socket.gethostname().lower()}


class OfflineError(OSError):
    """Something asked for the network after the set-up."""


def _is_local(host) -> bool:
    if host is None or isinstance(host, bytes | bytearray):
        host = (host or b"").decode()
    if host.lower() in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _guard(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto"):
        family, address = arguments[0].family, arguments[1]
        if family in (socket.AF_INET, socket.AF_INET6) and address is not None and not _is_local(address[0]):
            raise OfflineError(f"the network is cut off in tests and builds, but something connects to {address[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not _is_local(arguments[0]):
        raise OfflineError(f"the network is cut off in tests and builds, but something looks up {arguments[0]!r}")


sys.addaudithook(_guard)
