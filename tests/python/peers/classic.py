"""The classic services: the client drives the whole interpreter."""


def slave(rpyc):
    """The service that classic servers offer."""
    return rpyc.SlaveService


def classic(rpyc):
    """Both directions: the server may drive the client as well."""
    return rpyc.ClassicService
