# SPDX-License-Identifier: Apache-2.0
# PyPI's varlink as client: its own certification, and the description of io.serverd.Manager.
import contextlib
import io
import os

import checks
import varlink
from varlink.tests import test_certification

address = "unix:" + os.environ["SOCKET"]
with open(os.environ["DESCRIPTION"]) as file:
    DESCRIPTION = file.read()


def info():
    """it tells who is there"""
    with varlink.Client.new_with_address(address) as client:
        names = set(client.get_interfaces())
        assert {"org.varlink.service", "io.serverd.Manager"} <= names, names


def certification():
    """its certification client passes"""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        test_certification.run_client(varlink.Client.new_with_address(address))
    assert "Certification passed" in output.getvalue()


def mistakes():
    """its test of calls out of turn passes"""
    test = test_certification.TestService("test_01")
    test.address = address
    with contextlib.redirect_stdout(io.StringIO()):
        test.test_01()


def description():
    """it gets the description of io.serverd.Manager byte for byte, and can read it"""
    with varlink.Client.new_with_address(address) as client:
        interface = client.get_interface("io.serverd.Manager")
    assert interface.description == DESCRIPTION
    methods = {name for name, member in interface.members.items() if type(member).__name__ == "_Method"}
    assert {"GetStatus", "CloseService", "Subscribe", "Connect"} <= methods, methods


def errors():
    """an error comes with its name and its fields"""
    with varlink.Client.new_with_address(address) as client, client.open("io.serverd.Manager") as manager:
        try:
            manager.GetStatus()
            raise AssertionError("a reply")
        except varlink.VarlinkError as error:
            assert error.error() == "org.varlink.service.MethodNotFound", error.error()
            assert error.parameters()["method"] == "io.serverd.Manager.GetStatus", error.parameters()


checks.run([info, certification, mistakes, description, errors])
