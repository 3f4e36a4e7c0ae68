"""DuckDB behind the toolkit: direct, through the bare three-hop chain, and through the toolkit."""
from kit import BENCH, Kit, free_port

SECONDS = 85
CONFIG = """
queryflux:
  frontends:
    trinoHttp: {{ enabled: true, port: {trino} }}
    postgresWire: {{ enabled: true, port: {port} }}
clusters:
  duckdb: {{ engine: duckDb, databasePath: "{{dir}}/bench.duckdb" }}
clusterGroups:
  default: {{ maxRunningQueries: 8, members: [duckdb] }}
routingFallback: default
"""
LABELS = {"direct": "direct", "chain": "bare three-hop chain", "toolkit": "toolkit", "translated": "toolkit, translated",
          "trino": "toolkit, Trino client"}


def measure(top, rounds):
    b = Kit(top, SECONDS)
    try:
        return measure_in(b, rounds)
    finally:
        b.stop()


def measure_in(b, rounds):
    port, trino_port = free_port(), free_port()
    config = CONFIG.format(port=port, trino=trino_port)
    direct = f"direct={b.start_printing_port('direct', str(BENCH / 'direct'), '{config}', config=config)}"
    chain = f"chain={b.start_printing_port('chain', str(BENCH / 'chain'), '-c', '{config}', '{run}', config=config)}"
    b.start_toolkit("toolkit", config)
    toolkit = f"toolkit={port},-c queryflux.dialect=duckdb"
    translated = f"translated={port},"
    trino = f"trino=http:{trino_port},X-QueryFlux-Dialect: duckdb"
    b.client([direct, chain, toolkit, translated, trino], r=1, n=200, w=0)  # plans, caches, the first translation
    return {
        "one": b.client([direct, chain, toolkit, translated, trino], r=rounds, n=500, w=50),
        "rows": b.client([direct, toolkit, trino], sql="select * from range(1000000)", r=5, n=1, w=0),
        "many": b.client([direct, chain, toolkit], c=32, r=5, n=2000, w=100),
    }


def added(m, name, at):
    return m["one"][name][at] - m["one"]["direct"][at]


def ratios(m):
    rows, many = m["rows"], m["many"]
    return {
        **{f"{name}_added_{at}": added(m, name, at)
           for name in ("chain", "toolkit", "translated", "trino") for at in ("p10_us", "p50_us")},
        "toolkit_added_by_chain_added": added(m, "toolkit", "p50_us") / added(m, "chain", "p50_us"),
        "toolkit_added_by_chain_added_p10": added(m, "toolkit", "p10_us") / added(m, "chain", "p10_us"),
        "rows_by_direct": rows["toolkit"]["p50_us"] / rows["direct"]["p50_us"],
        "trino_rows_by_direct": rows["trino"]["p50_us"] / rows["direct"]["p50_us"],
        "throughput_by_direct": many["toolkit"]["per_second"] / many["direct"]["per_second"],
        "throughput_by_chain": many["toolkit"]["per_second"] / many["chain"]["per_second"],
    }


def print_one(m, r):
    one = m["one"]
    print(f"\nDuckDB, SELECT 1, one client, {one['direct']['statements']} statements each, µs")
    print(f"  {'':22}" + "".join(f"{t:>9}" for t in ("p10", "p50", "p90", "p99", "p10 adds", "p50 adds", "× chain")))
    for name, line in one.items():
        times = "".join(f"{line[at]:9.1f}" for at in ("p10_us", "p50_us", "p90_us", "p99_us"))
        if name != "direct":
            p10, p50 = added(m, name, "p10_us"), added(m, name, "p50_us")
            times += f"{p10:9.1f}{p50:9.1f}{p50 / r['chain_added_p50_us']:9.2f}"
        print(f"  {LABELS[name]:22}{times}")


def print_tables(m, r):
    print_one(m, r)
    print("\nDuckDB, select * from range(1000000), one client, ms")
    for name, line in m["rows"].items():
        print(f"  {LABELS[name]:22}{line['p50_us'] / 1000:9.1f}")
    print("\nDuckDB, SELECT 1, 32 clients, statements a second")
    for name, line in m["many"].items():
        print(f"  {LABELS[name]:22}{line['per_second']:9.0f}    p50 {line['p50_us']:7.0f} µs, p99 {line['p99_us']:7.0f} µs")
    print(f"\nThe toolkit adds {r['toolkit_added_p50_us']:.0f} µs to a statement (p50), "
          f"{r['toolkit_added_by_chain_added']:.2f} × what the bare chain adds; "
          f"{r['toolkit_added_by_chain_added_p10']:.2f} × at p10,\nwhich other work on the machine disturbs less. "
          f"A million rows take {r['rows_by_direct']:.2f} × the direct time. 32 clients get\n"
          f"{r['throughput_by_direct']:.2f} × the direct throughput, {r['throughput_by_chain']:.2f} × the chain's.")


def worst(r):
    return r["toolkit_added_by_chain_added"]
