"""The three places of the driver matrix, each with TLS required and passwords by SCRAM."""
import dataclasses
import functools
import os
import pathlib
import shutil
import ssl

import psycopg

import pgkit
from pgkit import DATABASE, PASSWORD
from pgtls import Authority

USER = "scram"
HBA = ["local all all trust", "host all tester 127.0.0.1/32 trust", "hostssl all all 127.0.0.1/32 scram-sha-256"]
ENGINE = 'engine: duckDb, databasePath: "{state}/bank.duckdb"'
CONFIG = f"""
queryflux:
  tls: {{{{ certFile: CERTIFICATE, keyFile: KEY }}}}
  frontends:
    postgresWire: {{{{ enabled: true, port: {{port}}, tls: require }}}}
auth:
  provider: static
  required: true
  failedLoginsPerMinute: 0
  staticUsers: {{{{ users: {{{{ {USER}: {{{{ password: "{PASSWORD}" }}}} }}}} }}}}
  hostRules: [ {{{{ tls: only, method: scram-sha-256 }}}} ]
clusters:
  main: {{{{ CLUSTER }}}}
clusterGroups:
  default: {{{{ maxRunningQueries: 16, members: [main] }}}}
routingFallback: default
"""


@dataclasses.dataclass(frozen=True)
class Place:
    name: str
    port: int
    ca: pathlib.Path
    host: str = "localhost"
    user: str = USER
    password: str = PASSWORD
    database: str = DATABASE

    def but(self, **other):
        return dataclasses.replace(self, **other)

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def connect(self, **kw):
        kw = {"autocommit": True, "connect_timeout": 20, **kw}
        return psycopg.connect(host=self.host, port=self.port, user=self.user, password=self.password, dbname=self.database,
                               sslmode="verify-full", sslrootcert=str(self.ca), **kw)

    def dsn(self, **kw):
        return dict(host=self.host, port=self.port, user=self.user, password=self.password, database=self.database, ssl=self.context(), **kw)

    def login(self):
        return dict(host=self.host, port=self.port, user=self.user, password=self.password, database=self.database, ca=str(self.ca))

    def jdbc(self):
        return {"user": self.user, "password": self.password, "sslmode": "verify-full", "sslrootcert": str(self.ca)}


class Places:
    """The server at once, the toolkits when they are asked for."""

    def __init__(self, directory):
        self.dir = directory
        self.authority = Authority(directory / "tls")
        self.certificate, self.key = self.authority.sign("server")
        self.kits = []
        self.server = pgkit.Cluster()
        self.secure_server()
        self.target = functools.cache(self.open)

    def secure_server(self):
        data = self.server.dir / "data"
        for source, name in ((self.certificate, "server.crt"), (self.key, "server.key")):
            shutil.copy(source, data / name)
            os.chmod(data / name, 0o600)
            if os.geteuid() == 0:
                shutil.chown(data / name, "postgres")
        (data / "pg_hba.conf").write_text("\n".join(HBA) + "\n")
        with self.server.connect() as c:
            c.execute("alter system set ssl = on")
            c.execute("select pg_reload_conf()")
        pgkit.wait_until(lambda: self.server.sql("show ssl") == [("on",)])

    def open(self, name):
        if name == "direct":
            return Place(name, self.server.port, self.authority.ca)
        directory = self.dir / name
        directory.mkdir()
        cluster = f'engine: postgres, endpoint: "{self.server.url()}", poolSize: 8' if name == "toolkit" else ENGINE
        kit = pgkit.PgToolkit(directory, CONFIG.replace("CLUSTER", cluster).replace("CERTIFICATE", str(self.certificate)).replace("KEY", str(self.key)))
        place = Place(name, kit.port, self.authority.ca)
        kit.answers = lambda: answers(place)
        self.kits.append(kit)
        kit.start()
        return place

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            for kit in self.kits:
                kit.stop()
                pgkit.sound(kit)
        finally:
            self.server.stop()


def answers(place):
    try:
        with place.connect(connect_timeout=2) as c:
            return c.execute("select 1").fetchone() == (1,)
    except psycopg.Error:
        return False
