"""Certificates for tests, made with openssl: an authority and what it signs."""
import os
import shutil
import subprocess


class Authority:
    def __init__(self, directory):
        self.dir = directory
        self.dir.mkdir(exist_ok=True)
        self.ca = self.dir / "ca.pem"
        self.openssl("req", "-x509", *self.key("ca"), "-subj", "/CN=authority of the tests", "-days", "2", "-out", self.ca,
                     "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign")

    def openssl(self, *args):
        done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def key(self, name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.dir / f"{name}.key"

    def sign(self, name, names="DNS:localhost", owner=None):
        """(certificate, key) for these names; the key is the owner's alone."""
        request, extra, certificate = (self.dir / f"{name}.{end}" for end in ("csr", "ext", "crt"))
        self.openssl("req", "-new", *self.key(name), "-subj", f"/CN={name}", "-out", request)
        extra.write_text(f"subjectAltName={names}\n")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.dir / "ca.key", "-days", "2", "-extfile", extra,
                     "-CAcreateserial", "-out", certificate)
        key = self.dir / f"{name}.key"
        os.chmod(key, 0o600)
        if owner and os.geteuid() == 0:
            shutil.chown(key, owner)
        return certificate, key
