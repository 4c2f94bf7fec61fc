"""Certificates for tests, made with the program `openssl`; those they are for are in ROWS."""

import os
import subprocess
from pathlib import Path

VARIABLE = "SINEW_TEST_CERTIFICATES"  # tells server processes the folder

# What Python 3.13 and later demand of certificates by default (RFC 5280).
_AUTHORITY = "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"
_SIGNED = "basicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid"

_LOCAL = "subjectAltName=DNS:localhost,IP:127.0.0.1"
_RICH = (
    "subjectAltName=DNS:bench.example.org,email:lucy@example.org,IP:10.0.0.7,IP:fd00::7,"
    "URI:https://example.org/lucy,dirName:folder,RID:1.2.3.4"
    "\nauthorityInfoAccess=OCSP;URI:http://ocsp.example.org,caIssuers;URI:http://ca.example.org/ca"
    "\ncrlDistributionPoints=URI:http://crl.example.org/list"
)
_VALID = ("20200101000000Z", "20980101000000Z")
_PAST = ("20200101000000Z", "20210101000000Z")

# name: (extensions, who signs it, valid from and to)
ROWS = {
    "server": (_LOCAL, "authority", _VALID),
    "client": (_RICH, "authority", _VALID),
    "expired": (_LOCAL, "authority", _PAST),
    "elsewhere": ("subjectAltName=DNS:elsewhere.example.org", "authority", _VALID),
    "stranger": (_LOCAL, "other", _VALID),
    "revoked": (_LOCAL, "authority", _VALID),
}

_CONFIG = """
[ca]
default_ca = it
[it]
dir = {folder}/{name}.d
database = $dir/index
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
default_crl_days = 20000
policy = any
copy_extensions = none
unique_subject = no
[any]
organizationName = optional
commonName = supplied
[folder]
CN = lucy's folder
"""


class Certificates:
    """Makes them in a folder. `path("server")` is the certificate, `key("server")` its key.

    `authority` has signed those that it should have, `other` the stranger's; `self-signed` is its
    own authority. `crl` lists what the authority has revoked.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def path(self, name):
        return str(self.folder / f"{name}.pem")

    def key(self, name):
        return str(self.folder / f"{name}.key")

    @property
    def crl(self):
        return self.path("crl")

    def make(self):
        for name in ("authority", "other", "self-signed"):
            self._sign_itself(name)
        for name, (extensions, signer, dates) in ROWS.items():
            self._sign(name, extensions, signer, dates)
        self._ca("authority", "-revoke", self.path("revoked"))
        self._ca("authority", "-gencrl", "-out", self.crl)
        return self

    def _run(self, *command):
        done = subprocess.run(
            ["openssl", *map(str, command)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _ca(self, name, *arguments):
        self._run("ca", "-batch", "-config", self.folder / f"{name}.conf", *arguments,
                  "-cert", self.path(name), "-keyfile", self.key(name))  # fmt: skip

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key(name), "-subj", f"/O=Lab/CN={name}")  # fmt: skip

    def _sign_itself(self, name):
        self._run("req", "-x509", *self._new_key(name), "-days", 20000, "-out", self.path(name),
                  "-addext", _LOCAL, "-addext", _AUTHORITY)  # fmt: skip
        books = self.folder / f"{name}.d"
        books.mkdir()
        (books / "index").touch()
        (books / "serial").write_text("0A1B2C")
        (self.folder / f"{name}.conf").write_text(_CONFIG.format(folder=self.folder, name=name))

    def _sign(self, name, extensions, signer, dates):
        request = self.folder / f"{name}.csr"
        section = self.folder / f"{name}.ext"
        self._run("req", "-new", *self._new_key(name), "-out", request)
        config = _CONFIG.format(folder=self.folder, name=signer)
        section.write_text(f"{_SIGNED}\n{extensions}\n{config}")
        self._ca(signer, "-in", request, "-out", self.path(name), "-notext",
                 "-startdate", dates[0], "-enddate", dates[1], "-extfile", section)  # fmt: skip


def in_environment():
    """Return those of the process that started this one."""
    return Certificates(os.environ[VARIABLE])
