"""The registry: which services are served where. RPyC's names for both of its sides.

    rpyc_registry                                   # or `sinew registry`: answers in the network
    ThreadedServer(Lab, registrar=UDPRegistryClient()).start()       # announces itself
    rpyc.connect_by_service("LAB")                                   # finds it

Whoever reaches a registry can announce anything: use it in networks that you trust.
"""

from .registry_client import RegistryClient, TCPRegistryClient, UDPRegistryClient
from .registry_server import (
    DEFAULT_PRUNING_TIMEOUT,
    MAX_DGRAM_SIZE,
    REGISTRY_PORT,
    RegistryServer,
    TCPRegistryServer,
    UDPRegistryServer,
)

__all__ = [
    "DEFAULT_PRUNING_TIMEOUT",
    "MAX_DGRAM_SIZE",
    "REGISTRY_PORT",
    "RegistryClient",
    "RegistryServer",
    "TCPRegistryClient",
    "TCPRegistryServer",
    "UDPRegistryClient",
    "UDPRegistryServer",
]
