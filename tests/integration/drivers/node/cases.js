// Runs the table of cases (tests/integration/pgmatrix.py) with node-postgres. A line of standard input is a step, a line
// of standard output what came of it, both JSON; pgprograms.py says how values are written.
"use strict";
const fs = require("fs");
const readline = require("readline");
const pg = require("pg");
const Cursor = require("pg-cursor");
const { from: copyFrom, to: copyTo } = require("pg-copy-streams");
const { pipeline } = require("stream/promises");
const { Readable } = require("stream");

const NAMES = { 16: "bool", 17: "bytea", 20: "int8", 21: "int2", 23: "int4", 25: "text", 114: "json", 700: "float4", 701: "float8",
	1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 1700: "numeric",
	2950: "uuid", 3802: "jsonb" };
// A date or a time of JavaScript has milliseconds: these are left as text, as the driver's manual has it.
for (const oid of [1082, 1114, 1184, 1186])
	pg.types.setTypeParser(oid, (text) => text);

let client, login, notices = [], points = 0;

function options(l) {
	return { host: l.host, port: l.port, user: l.user, password: l.password, database: l.database,
		ssl: { ca: fs.readFileSync(l.ca) }, connectionTimeoutMillis: 20000 };
}

async function open(l) {
	const next = new pg.Client(options(l));
	next.on("notice", (n) => notices.push(n.message));
	next.on("error", () => {}); // a connection that is lost tells each statement too
	await next.connect();
	if (client)
		await client.end().catch(() => {});
	client = next;
	login = l;
	points = 0;
}

function hexDouble(v) {
	const b = Buffer.alloc(8);
	b.writeDoubleBE(v);
	return Number.isNaN(v) ? "7ff8000000000000" : b.toString("hex");
}

function value([kind, v]) {
	if (v === null || Array.isArray(v))
		return v;
	if (kind === "bytea")
		return Buffer.from(v, "hex");
	if (kind === "bool")
		return v === "t";
	if (kind === "int2" || kind === "int4")
		return Number(v);
	if (kind === "float4" || kind === "float8")
		return v === "inf" ? Infinity : Number(v);
	if (kind === "json" || kind === "jsonb")
		return JSON.parse(v);
	return kind === "interval" ? v + " microseconds" : v;
}

const values = (params) => (params && params.length ? params.map(value) : undefined);

function canon(kind, v) {
	if (v === null)
		return null;
	if (kind === "json" || kind === "jsonb")
		return "json:" + JSON.stringify(v);
	if (typeof v === "boolean")
		return v ? "t" : "f";
	if (kind === "float4" || kind === "float8")
		return hexDouble(v);
	if (Buffer.isBuffer(v))
		return v.toString("hex");
	if (Array.isArray(v))
		return "{" + v.map((x) => (x === null ? "NULL" : String(x))).join(",") + "}";
	return typeof v === "number" ? String(v) : [kind || "text", v];
}

function result(said, r) {
	for (const row of r.rows)
		said.push(["row", ...row.map((v, i) => canon(NAMES[r.fields[i].dataTypeID], v))]);
	said.push(r.fields.length ? ["rows"] : ["count", r.rowCount]);
}

async function run(said, s, params, name) {
	result(said, await client.query({ text: s.sql, values: values(params), rowMode: "array", name }));
}

async function each(s, then) {
	const cursor = client.query(new Cursor(s.sql, values(s.params), { rowMode: "array" }));
	let rows;
	do {
		rows = await cursor.read(s.size);
		rows.forEach(then);
	} while (rows.length === s.size);
	await cursor.close();
}

const steps = {
	do: (said, s) => client.query(s.sql),
	run: (said, s) => run(said, s, s.params),
	keys: (said, s) => run(said, s, s.params),
	begin: () => client.query("begin"),
	commit: () => client.query("commit"),
	rollback: () => client.query("rollback"),
	savepoint: () => client.query(`savepoint p${++points}`),
	rollback_to: () => client.query(`rollback to p${points}`),
	release: () => client.query(`release p${points--}`),

	async repeat(said, s) {
		for (const set of s.sets)
			await run(said, s, set, "again");
	},

	// It has no batches: one after the other, up to the first that fails.
	async batch(said, s) {
		let n = 0;
		for (const set of s.sets)
			n += (await client.query(s.sql, values(set))).rowCount;
		said.push(["count", n]);
	},

	async fetch(said, s) {
		await each(s, (row) => said.push(["row", ...row.map((v) => canon("", v))]));
		said.push(["rows"]);
	},

	async stream(said, s) {
		let n = 0, sum = 0;
		await each({ ...s, size: 1000 }, ([v]) => { n++; sum += Number(v); });
		said.push(["text", `${n} rows, sum ${sum}`]);
	},

	async cancel(said, s) {
		const query = client.query(new pg.Query(s.sql));
		const ended = new Promise((done, failed) => query.on("end", done).on("error", failed));
		const timer = setTimeout(() => new pg.Client(options(login)).cancel(client, query), 1000 * s.seconds);
		try {
			await ended;
		} finally {
			clearTimeout(timer);
		}
	},

	async multi(said, s) {
		const r = await client.query({ text: s.sql, rowMode: "array" });
		for (const one of Array.isArray(r) ? r : [r])
			result(said, one);
	},

	async columns(said, s) {
		const r = await client.query(s.sql);
		for (const f of r.fields)
			said.push(["row", f.name, NAMES[f.dataTypeID] || String(f.dataTypeID)]);
		said.push(["rows"]);
	},

	async notices(said, s) {
		notices = [];
		await client.query(s.sql);
		said.push(...notices.map((n) => ["text", n]));
	},

	async listen(said, s) {
		const heard = new Promise((tell) => client.once("notification", tell));
		await client.query(`listen ${s.sql}`);
		const other = new pg.Client(options(login));
		await other.connect();
		await other.query("select pg_notify($1, $2)", [s.sql, s.other]);
		await other.end();
		said.push(["text", (await heard).payload]);
		await client.query(`unlisten ${s.sql}`);
	},

	async pool(said, s) {
		const pool = new pg.Pool({ ...options(login), max: s.size });
		try {
			const all = await Promise.all(Array.from({ length: s.want }, (_, i) => pool.query({ text: s.sql, values: [i], rowMode: "array" })));
			said.push(["text", `${all.filter((r, i) => Number(r.rows[0][0]) === i + 1).length} right`]);
		} finally {
			await pool.end();
		}
	},

	async copy_in(said, s) {
		const stream = client.query(copyFrom(`copy ${s.sql} from stdin`));
		await pipeline(Readable.from([s.other]), stream);
		said.push(["count", stream.rowCount]);
	},

	async copy_out(said, s) {
		const parts = [];
		for await (const part of client.query(copyTo(`copy (${s.sql}) to stdout`)))
			parts.push(part);
		said.push(["text", Buffer.concat(parts).toString()]);
	},
};

async function answer(s) {
	const said = [];
	try {
		if (s.what === "case" || s.what === "login")
			await open(s.login);
		else
			await steps[s.what](said, s);
	} catch (e) {
		said.push(["error", /^[0-9A-Z]{5}$/.test(e.code || "") && e.severity ? e.code : `driver: ${e.message}`]);
	}
	return JSON.stringify(said);
}

(async () => {
	for await (const line of readline.createInterface({ input: process.stdin }))
		console.log(await answer(JSON.parse(line)));
	if (client)
		await client.end().catch(() => {});
})();
