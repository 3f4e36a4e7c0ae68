"""PostgreSQL behind the toolkit: direct, through PgBouncer, through the bare chain of three and of two hops, and through
the toolkit, whose pool is as large as PgBouncer's."""
import contextlib
import json
import re
import resource
import subprocess

from kit import BENCH, Kit, cpu_ns, free_port, pss
from pgtargets import ACCOUNTS, DATABASE, ROWS, USER, PgBouncer, Postgres, make_certificate

SECONDS = 120
POOL = 8
CLIENTS = 32
IDLE = 5000
HANDSHAKES = {"n": 100, "r": 5}
MODES = ("simple", "extended", "prepared")
STATEMENTS = {"select 1": "select 1", "by key": "select abalance from pgbench_accounts where aid = $1"}
CONFIG = """
queryflux:
  tls: {{ certFile: "{top}/cert", keyFile: "{top}/key" }}
  frontends:
    trinoHttp: {{ enabled: false }}
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  postgres: {{ engine: postgres, endpoint: "postgres://{user}@127.0.0.1:{server}/{database}", poolSize: {pool} }}
clusterGroups:
  default: {{ maxRunningQueries: 100, members: [postgres] }}
routingFallback: default
"""


class Targets:
    """The ports to go to, in the order of the tables, and the processes behind them."""

    def __init__(self, b, server, bouncer):
        port = free_port()
        make_certificate(b.top)
        config = CONFIG.format(top=b.top, port=port, user=USER, server=server.port, database=DATABASE, pool=POOL)
        self.server = server
        self.ports = {"direct": server.port, **({"pgbouncer": bouncer.port} if bouncer else {})}
        for name, hops in (("chain3", []), ("chain2", ["-2"])):
            self.ports[name] = b.start_printing_port(name, str(BENCH / "chain"), "-p", str(server.port), *hops, "{run}")
        self.ports["toolkit"] = port
        programs = b.start_toolkit("pgtoolkit", config)
        self.pids = {"toolkit": programs, **({"pgbouncer": {"pgbouncer": bouncer.child.pid}} if bouncer else {})}

    def words(self, *names):
        return [f"{name}={self.ports[name]}" for name in names or self.ports if name in self.ports]

    def cpu(self, name):
        return {program: cpu_ns(pid) for program, pid in self.pids.get(name, {}).items()}

    def memory(self, name):
        return {program: pss(pid) for program, pid in self.pids[name].items()}


def measure(top, rounds):
    b = Kit(top, SECONDS)
    with contextlib.ExitStack() as stack:
        stack.callback(b.stop)
        version = PgBouncer.version()
        server = Postgres()
        stack.callback(server.stop)
        bouncer = PgBouncer(server, POOL) if version else None
        if bouncer:
            stack.callback(bouncer.stop)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        t = Targets(b, server, bouncer)
        return {"pgbouncer_version": version, "one": one_client(b, t, rounds), "many": many_clients(b, t),
                "rows": b.client(t.words("direct", "pgbouncer", "toolkit"), sql="select * from items", r=5, n=1, w=0, s=15),
                "idle": {name: idle_clients(b, t, name, min(IDLE, hard - 500)) for name in t.pids},
                "tls": {name: handshakes(b, t, name) for name in t.pids},
                "tls_idle": {name: idle_clients(b, t, name, min(IDLE, hard - 500) // 5, "handshakes") for name in t.pids}}


def one_client(b, t, rounds):
    """{statement, mode, pinned: {target: what the client measured}}"""
    b.client(t.words(), r=1, n=200, w=0)
    return {f"{name}, {mode}{pinned}": b.client(t.words(), sql=sql, m=mode, k=ACCOUNTS, r=4 * rounds, n=50, w=5, s=4,
                                                **({"t": True} if pinned else {}))
            for name, sql in STATEMENTS.items() for pinned in ("", ", pinned") for mode in MODES}


def many_clients(b, t, rounds=3, seconds=1):
    """{mode: {target: statements a second, CPU of each program in µs a statement}}"""
    found = {}
    for mode in MODES:
        # PgBouncer before 1.21 does not know which of its connections has a prepared statement.
        names = [n for n in ("direct", "pgbouncer", "toolkit") if n in t.ports and (n, mode) != ("pgbouncer", "prepared")]
        sums = {name: {"statements": 0, "seconds": 0.0, "cpu": {}} for name in names}
        for i in range(rounds * len(names)):
            name = names[(i + i // len(names)) % len(names)]
            add_pgbench(t, name, mode, max(seconds, 1), sums[name])
        found[mode] = {name: {"per_second": s["statements"] / s["seconds"],
                              "cpu_us": {p: ns / 1e3 / s["statements"] for p, ns in s["cpu"].items()}} for name, s in sums.items()}
    return found


def add_pgbench(t, name, mode, seconds, sums):
    before = t.cpu(name)
    text = t.server.pgbench(t.ports[name], "-n", "-S", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-M", mode)
    n = int(re.search(r"actually processed: (\d+)", text).group(1))
    sums["statements"] += n
    sums["seconds"] += n / float(re.search(r"tps = ([0-9.]+) \(without", text).group(1))
    for program, ns in t.cpu(name).items():
        sums["cpu"][program] = sums["cpu"].get(program, 0) + ns - before[program]


def handshakes(b, t, name):
    """TLS connections to ReadyForQuery, one after the other, and CPU of each program in µs a connection."""
    before = t.cpu(name)
    done = subprocess.run(b.client_argv(t.words(name), HANDSHAKES, "handshakes"), stdout=subprocess.PIPE, text=True, timeout=60)
    if done.returncode:
        raise SystemExit("the TLS client failed")
    n = HANDSHAKES["n"] * HANDSHAKES["r"]
    return {"us": json.loads(done.stdout)["us"], "cpu_us": {p: (ns - before[p]) / 1e3 / n for p, ns in t.cpu(name).items()}}


def idle_clients(b, t, name, n, client="client"):
    """Memory a connection of each program, when it was opened, and after one statement on it."""
    options = {"q": "select 1", "c": n, "i": True} if client == "client" else {"n": n, "i": True}
    argv = b.client_argv(t.words(name), options, client)
    before = t.memory(name)
    found = {"connections": n}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        for state in ("open", "used"):
            if client.stdout.readline().strip() != state:
                raise SystemExit(f"{n} idle connections to {name} cannot be had")
            found[state] = {p: (now - before[p]) / n for p, now in t.memory(name).items()}
            client.stdin.write("\n")
            client.stdin.flush()
    return found


# ---- what comes of it ----

def chain_of(key):
    """A statement that is known already goes from qf-listen to qf-dispatch."""
    return "chain2" if "pinned" in key or "prepared" in key else "chain3"


def added_by_chain(line, key, at):
    chain = max(0.1, line[chain_of(key)][at] - line["direct"][at])  # on a busy machine it may seem to take nothing
    return (line["toolkit"][at] - line["direct"][at]) / chain


def throughput_by(m, name):
    """PgBouncer has no figure for prepared statements: the toolkit's are compared with its extended protocol."""
    other = {mode: line.get(name) or m["many"]["extended"].get(name) for mode, line in m["many"].items()}
    return {mode: m["many"][mode]["toolkit"]["per_second"] / x["per_second"] for mode, x in other.items() if x}


def ratios(m):
    rows = m["rows"]
    return {
        "added_by_chain_added": {key: added_by_chain(line, key, "p50_us") for key, line in m["one"].items()},
        "added_by_chain_added_p10": {key: added_by_chain(line, key, "p10_us") for key, line in m["one"].items()},
        "throughput_by_pgbouncer": throughput_by(m, "pgbouncer"),
        "throughput_by_direct": throughput_by(m, "direct"),
        "rows_by_direct": {name: line["p50_us"] / rows["direct"]["p50_us"] for name, line in rows.items()},
        "idle_bytes": {name: {state: sum(line[state].values()) for state in ("open", "used")} for name, line in m["idle"].items()},
        "tls_idle_bytes": {name: {state: sum(line[state].values()) for state in ("open", "used")}
                           for name, line in m["tls_idle"].items()},
    }


LABELS = {"direct": "direct", "pgbouncer": "PgBouncer", "chain3": "chain, 3 hops", "chain2": "chain, 2 hops", "toolkit": "toolkit"}


def print_one(m, r):
    lines = m["one"]
    first = next(iter(lines.values()))
    print(f"\nPostgreSQL, one client, {first['direct']['statements']} statements each, p50 / p99 in µs")
    print(f"  {'':28}" + "".join(f"{LABELS[n]:>15}" for n in first) + f"{'adds':>8}{'× chain':>9}{'at p10':>8}")
    for key, line in lines.items():
        times = "".join(f"{x['p50_us']:8.0f} /{x['p99_us']:5.0f}" for x in line.values())
        print(f"  {key:28}{times}{line['toolkit']['p50_us'] - line['direct']['p50_us']:8.0f}"
              f"{r['added_by_chain_added'][key]:9.2f}{r['added_by_chain_added_p10'][key]:8.2f}")


def print_many(m):
    print(f"\nPostgreSQL, pgbench -S, {CLIENTS} clients on {POOL} connections, statements a second, and CPU each in µs")
    for mode, line in m["many"].items():
        for name, x in line.items():
            parts = ", ".join(f"qf-{p} {us:.1f}" for p, us in x["cpu_us"].items() if name == "toolkit" and us >= 0.05)
            cpu = f"   CPU {sum(x['cpu_us'].values()):6.1f}" if x["cpu_us"] else ""
            print(f"  {mode:10}{LABELS[name]:10}{x['per_second']:9.0f}{cpu}{': ' if parts else ''}{parts}")


def print_idle(m, key, kind):
    n = m[key]["toolkit"]["connections"]
    print(f"\nPostgreSQL, {n} idle {kind}connections, bytes of memory each, when opened and after a statement")
    for name, line in m[key].items():
        both = [", ".join(f"{p} {n:.0f}" for p, n in line[state].items() if n >= 100) for state in ("open", "used")]
        print(f"  {LABELS[name]:12}{both[0]};  {both[1]}")


def print_tables(m, r):
    if not m["pgbouncer_version"]:
        print("\nPgBouncer is not installed: its columns are left out (apt-get install pgbouncer)")
    print_one(m, r)
    print_many(m)
    print(f"\nPostgreSQL, {ROWS} rows of six columns, one client, ms")
    print("  " + "   ".join(f"{LABELS[name]} {x['p50_us'] / 1000:.0f}" for name, x in m["rows"].items()))
    print_idle(m, "idle", "")
    print("\nPostgreSQL, TLS 1.3 with RSA of 2048 bits: connections a second, one after the other, and CPU each in µs")
    for name, x in m["tls"].items():
        print(f"  {LABELS[name]:12}{1e6 / x['us']:6.0f}   CPU {sum(x['cpu_us'].values()):6.0f}")
    print_idle(m, "tls_idle", "TLS ")
    print(f"\nThe toolkit adds {min(r['added_by_chain_added'].values()):.2f} to {worst(r):.2f} × what the chain of as many "
          f"hops adds (p50). A million rows take {r['rows_by_direct']['toolkit']:.2f} × the direct time.")
    for name in ("pgbouncer", "direct"):
        if by := ", ".join(f"{x:.2f} ({mode})" for mode, x in r[f"throughput_by_{name}"].items()):
            print(f"{CLIENTS} clients get {by} × the throughput of {LABELS[name]}.")


def worst(r):
    return max(r["added_by_chain_added"].values())
