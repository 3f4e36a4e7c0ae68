import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.PooledConnection;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.ds.PGConnectionPoolDataSource;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;

/**
 * Runs the tables of cases (pgcases.py and pgmatrix.py of tests/integration) with pgjdbc. Standard input has one step a line, its fields
 * URL-encoded and separated by tabs, null written as "!"; "case" begins a case, which has a connection of its own.
 * Standard output has the results the same way: row, count, text and error lines, "end" after each step. How values are
 * written is said by canon() of pgdrivers.py.
 */
public class Cases {
	private static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
	private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS");
	private static final DateTimeFormatter DATE_TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSS");

	private final String url;
	private Connection conn;
	private final Deque<Savepoint> savepoints = new ArrayDeque<>();

	private Cases(String url) {
		this.url = url;
	}

	public static void main(String[] args) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
		Cases cases = new Cases(args[0]);
		String line;

		while ((line = in.readLine()) != null) {
			List<String> fields = new ArrayList<>();
			for (String f : line.split("\t", -1))
				fields.add(f.equals("!") ? null : URLDecoder.decode(f, StandardCharsets.UTF_8));
			cases.answer(fields);
		}
		cases.close();
	}

	private void answer(List<String> f) {
		try {
			step(f.get(0), f.subList(1, f.size()));
		} catch (SQLException e) {
			say("error", e.getSQLState(), e.getMessage());
		} catch (Exception e) {
			say("error", "driver", e.toString());
		}
		say("end");
		out.flush();
	}

	private static void say(String... fields) {
		StringBuilder line = new StringBuilder();
		for (String f : fields) {
			if (line.length() > 0)
				line.append('\t');
			line.append(f == null ? "!" : URLEncoder.encode(f, StandardCharsets.UTF_8));
		}
		out.println(line);
	}

	private void step(String what, List<String> f) throws Exception {
		switch (what) {
		case "case" -> open();
		case "login" -> login(f);
		case "columns" -> columns(f.get(0));
		case "tables" -> tables(f.get(0));
		case "describe" -> describe(f.get(0));
		case "stream" -> stream(f.get(0));
		case "listen" -> listen(f.get(0), f.get(1));
		case "pool" -> pool(f.get(0), Integer.parseInt(f.get(1)), Integer.parseInt(f.get(2)));
		case "begin" -> conn.setAutoCommit(false);
		case "commit" -> { conn.commit(); conn.setAutoCommit(true); }
		case "rollback" -> { conn.rollback(); conn.setAutoCommit(true); }
		case "savepoint" -> savepoints.push(conn.setSavepoint());
		case "rollback_to" -> conn.rollback(savepoints.peek());
		case "release" -> conn.releaseSavepoint(savepoints.pop());
		case "do" -> { try (Statement s = conn.createStatement()) { s.execute(f.get(0)); } }
		case "run" -> run(f.get(0), split(f, 1, Integer.MAX_VALUE));
		case "repeat", "batch" -> {
			int n = Integer.parseInt(f.get(1));
			List<List<String>> sets = new ArrayList<>();
			for (int at = 2; at < f.size(); at += 2 * n)
				sets.add(f.subList(at, at + 2 * n));
			if (what.equals("repeat"))
				repeat(f.get(0), sets);
			else
				batch(f.get(0), sets);
		}
		case "fetch" -> fetch(f.get(0), Integer.parseInt(f.get(1)), split(f, 2, Integer.MAX_VALUE));
		case "part" -> part(f.get(0), Integer.parseInt(f.get(1)), Integer.parseInt(f.get(2)));
		case "cancel" -> cancel(f.get(0), Long.parseLong(f.get(1)));
		case "multi" -> multi(f.get(0));
		case "notices" -> notices(f.get(0));
		case "keys" -> keys(f.get(0), split(f, 1, Integer.MAX_VALUE));
		case "copy_in" -> say("count", "" + conn.unwrap(PGConnection.class).getCopyAPI()
			.copyIn("copy " + f.get(0) + " from stdin", new StringReader(f.get(1))));
		case "copy_out" -> {
			ByteArrayOutputStream data = new ByteArrayOutputStream();
			conn.unwrap(PGConnection.class).getCopyAPI().copyOut("copy (" + f.get(0) + ") to stdout", data);
			say("text", data.toString(StandardCharsets.UTF_8));
		}
		default -> throw new IllegalArgumentException(what);
		}
	}

	private static List<String> split(List<String> f, int from, int to) {
		return f.subList(from, Math.min(to, f.size()));
	}

	private void open() throws SQLException {
		close();
		conn = DriverManager.getConnection(url);
	}

	private void close() {
		savepoints.clear();
		try {
			if (conn != null)
				conn.close();
		} catch (SQLException e) {
			// The next case has a new one.
		}
	}

	private static String marks(String sql) {
		return sql.replaceAll("\\$[0-9]+", "?");
	}

	private void run(String sql, List<String> params) throws Exception {
		try (PreparedStatement s = conn.prepareStatement(marks(sql))) {
			set(s, params);
			result(s, s.execute());
		}
	}

	private void result(Statement s, boolean rows) throws Exception {
		if (rows)
			rows(s.getResultSet());
		else
			say("count", "" + s.getUpdateCount());
	}

	private void repeat(String sql, List<List<String>> sets) throws Exception {
		try (PreparedStatement s = conn.prepareStatement(marks(sql))) {
			for (List<String> params : sets) {
				set(s, params);
				result(s, s.execute());
			}
		}
	}

	private void batch(String sql, List<List<String>> sets) throws Exception {
		long total = 0;
		try (PreparedStatement s = conn.prepareStatement(marks(sql))) {
			for (List<String> params : sets) {
				set(s, params);
				s.addBatch();
			}
			for (int n : s.executeBatch())
				total += n;
		}
		say("count", "" + total);
	}

	private void fetch(String sql, int size, List<String> params) throws Exception {
		try (PreparedStatement s = conn.prepareStatement(marks(sql))) {
			s.setFetchSize(size);
			set(s, params);
			rows(s.executeQuery());
		}
	}

	/** The first rows; the rest is never asked for. */
	private void part(String sql, int size, int want) throws Exception {
		try (PreparedStatement s = conn.prepareStatement(marks(sql))) {
			s.setFetchSize(size);
			ResultSet r = s.executeQuery();
			for (int i = 0; i < want && r.next(); i++)
				row(r);
		}
	}

	private void cancel(String sql, long delay) throws Exception {
		try (Statement s = conn.createStatement()) {
			Thread other = new Thread(() -> {
				try {
					Thread.sleep(delay);
					s.cancel();
				} catch (Exception e) {
					throw new IllegalStateException(e);
				}
			});
			other.start();
			try {
				result(s, s.execute(sql));
			} finally {
				other.join();
			}
		}
	}

	private void multi(String sql) throws Exception {
		try (Statement s = conn.createStatement()) {
			boolean rows = s.execute(sql);
			while (rows || s.getUpdateCount() != -1) {
				result(s, rows);
				rows = s.getMoreResults();
			}
		}
	}

	private void notices(String sql) throws Exception {
		try (Statement s = conn.createStatement()) {
			s.execute(sql);
			for (SQLWarning w = s.getWarnings(); w != null; w = w.getNextWarning())
				say("text", w.getMessage());
		}
	}

	private void keys(String sql, List<String> params) throws Exception {
		try (PreparedStatement s = conn.prepareStatement(marks(sql), Statement.RETURN_GENERATED_KEYS)) {
			set(s, params);
			s.executeUpdate();
			rows(s.getGeneratedKeys());
		}
	}

	// ---- what the matrix asks for besides ---------------------------------------------------------------------------

	/** Another connection, with a URL of its own. */
	private void login(List<String> f) throws SQLException {
		DriverManager.getConnection(f.get(0)).close();
	}

	private void columns(String sql) throws SQLException {
		try (PreparedStatement s = conn.prepareStatement(sql)) {
			ResultSetMetaData meta = s.getMetaData();
			for (int i = 1; i <= meta.getColumnCount(); i++)
				say("row", meta.getColumnLabel(i), meta.getColumnTypeName(i));
		}
		say("rows");
	}

	private void tables(String name) throws SQLException {
		try (ResultSet r = conn.getMetaData().getTables(null, "public", name, new String[] { "TABLE" })) {
			while (r.next())
				say("row", r.getString("TABLE_NAME"));
		}
		say("rows");
	}

	private void describe(String table) throws SQLException {
		try (ResultSet r = conn.getMetaData().getColumns(null, "public", table, null)) {
			while (r.next())
				say("row", r.getString("COLUMN_NAME"), r.getString("TYPE_NAME"), r.getString("IS_NULLABLE"));
		}
		say("rows");
	}

	private void stream(String sql) throws SQLException {
		long n = 0, sum = 0;
		try (Statement s = conn.createStatement()) {
			s.setFetchSize(1000);
			ResultSet r = s.executeQuery(sql);
			for (; r.next(); n++)
				sum += r.getLong(1);
		}
		say("text", n + " rows, sum " + sum);
	}

	private void listen(String channel, String payload) throws SQLException {
		try (Statement s = conn.createStatement(); Connection other = DriverManager.getConnection(url)) {
			s.execute("listen " + channel);
			try (PreparedStatement n = other.prepareStatement("select pg_notify(?, ?)")) {
				n.setString(1, channel);
				n.setString(2, payload);
				n.execute();
			}
			for (PGNotification n : conn.unwrap(PGConnection.class).getNotifications(15000))
				say("text", n.getParameter());
			s.execute("unlisten " + channel);
		}
	}

	/** As a server of applications does: physical connections that are kept, handed out to one thread at a time. */
	private void pool(String sql, int connections, int statements) throws Exception {
		PGConnectionPoolDataSource source = new PGConnectionPoolDataSource();
		source.setUrl(url);
		BlockingQueue<PooledConnection> idle = new ArrayBlockingQueue<>(connections);
		for (int i = 0; i < connections; i++)
			idle.add(source.getPooledConnection());
		ExecutorService threads = Executors.newFixedThreadPool(2 * connections);
		List<Future<Boolean>> answers = new ArrayList<>();
		for (int i = 0; i < statements; i++) {
			int at = i;
			answers.add(threads.submit(() -> right(idle, sql, at)));
		}
		int right = 0;
		for (Future<Boolean> answer : answers)
			right += answer.get() ? 1 : 0;
		threads.shutdown();
		for (PooledConnection c : idle)
			c.close();
		say("text", right + " right");
	}

	private static boolean right(BlockingQueue<PooledConnection> idle, String sql, int i) throws Exception {
		PooledConnection mine = idle.take();
		try (Connection c = mine.getConnection(); PreparedStatement s = c.prepareStatement(marks(sql))) {
			s.setInt(1, i);
			ResultSet r = s.executeQuery();
			return r.next() && r.getInt(1) == i + 1;
		} finally {
			idle.add(mine);
		}
	}

	// ---- values ---------------------------------------------------------------------------------------------------

	private void set(PreparedStatement s, List<String> params) throws SQLException {
		for (int i = 0; i + 1 < params.size(); i += 2)
			set(s, i / 2 + 1, params.get(i), params.get(i + 1));
	}

	private void set(PreparedStatement s, int i, String type, String v) throws SQLException {
		if (v == null) {
			s.setNull(i, type.endsWith("[]") ? Types.ARRAY : sqlType(type));
			return;
		}
		switch (type) {
		case "bool" -> s.setBoolean(i, v.equals("t"));
		case "int2", "int4" -> s.setInt(i, Integer.parseInt(v));
		case "int8" -> s.setLong(i, Long.parseLong(v));
		case "float4" -> s.setFloat(i, Float.parseFloat(v));
		case "float8" -> s.setDouble(i, Double.parseDouble(v.replace("inf", "Infinity").replace("nan", "NaN")));
		case "numeric" -> s.setBigDecimal(i, new BigDecimal(v));
		case "bytea" -> s.setBytes(i, bytes(v));
		case "date" -> s.setObject(i, LocalDate.parse(v));
		case "time" -> s.setObject(i, LocalTime.parse(v));
		case "timetz" -> s.setObject(i, OffsetTime.parse(v));
		case "timestamp" -> s.setObject(i, LocalDateTime.parse(v.replace(' ', 'T')));
		case "timestamptz" -> s.setObject(i, OffsetDateTime.parse(v.replace(' ', 'T')));
		case "uuid" -> s.setObject(i, UUID.fromString(v));
		case "interval", "json", "jsonb", "inet" -> {
			PGobject o = type.equals("interval") ? new PGInterval(v) : new PGobject();
			o.setType(type);
			o.setValue(v);
			s.setObject(i, o);
		}
		case "int4[]" -> s.setArray(i, conn.createArrayOf("int4", list(v).stream().map(x -> x == null ? null : Integer.valueOf(x)).toArray()));
		case "int8[]" -> s.setArray(i, conn.createArrayOf("int8", list(v).stream().map(x -> x == null ? null : Long.valueOf(x)).toArray()));
		case "text[]" -> s.setArray(i, conn.createArrayOf("text", list(v).toArray()));
		default -> s.setString(i, v);
		}
	}

	private static int sqlType(String type) {
		return switch (type) {
		case "bool" -> Types.BOOLEAN;
		case "int2", "int4" -> Types.INTEGER;
		case "int8" -> Types.BIGINT;
		case "float8" -> Types.DOUBLE;
		case "numeric" -> Types.NUMERIC;
		case "bytea" -> Types.BINARY;
		case "date" -> Types.DATE;
		case "timestamp" -> Types.TIMESTAMP;
		case "text" -> Types.VARCHAR;
		default -> Types.OTHER;
		};
	}

	/** "!"-separated: no element of the table has one; an element that is null is the word NULL. */
	private static List<String> list(String v) {
		List<String> all = new ArrayList<>();
		if (!v.isEmpty())
			for (String x : v.split("!", -1))
				all.add(x.equals("NULL") ? null : x);
		return all;
	}

	private static byte[] bytes(String hex) {
		byte[] b = new byte[hex.length() / 2];
		for (int i = 0; i < b.length; i++)
			b[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
		return b;
	}

	private static String hex(byte[] b) {
		StringBuilder s = new StringBuilder();
		for (byte x : b)
			s.append(String.format("%02x", x));
		return s.toString();
	}

	private void rows(ResultSet r) throws SQLException {
		while (r.next())
			row(r);
		say("rows");
	}

	private void row(ResultSet r) throws SQLException {
		ResultSetMetaData meta = r.getMetaData();
		String[] row = new String[meta.getColumnCount() + 1];
		row[0] = "row";
		for (int i = 1; i < row.length; i++)
			row[i] = value(r, i, meta.getColumnTypeName(i));
		say(row);
	}

	private static String value(ResultSet r, int i, String type) throws SQLException {
		if (r.getString(i) == null)
			return null;
		if (type.startsWith("_"))
			return array(r.getArray(i), type.substring(1));
		return switch (type) {
		case "bool" -> r.getBoolean(i) ? "t" : "f";
		case "int2", "int4", "int8", "serial", "bigserial", "oid" -> "" + r.getLong(i);
		case "float4", "float8" -> real(r.getDouble(i));
		case "numeric" -> r.getString(i).matches("-?[0-9.]+([eE].*)?") ? r.getBigDecimal(i).toPlainString() : r.getString(i);
		case "bytea" -> hex(r.getBytes(i));
		case "date" -> r.getObject(i, LocalDate.class).toString();
		case "time" -> TIME.format(r.getObject(i, LocalTime.class));
		case "timetz" -> zoned(r.getObject(i, OffsetTime.class));
		case "timestamp" -> DATE_TIME.format(r.getObject(i, LocalDateTime.class));
		case "timestamptz" -> DATE_TIME.format(r.getObject(i, OffsetDateTime.class).withOffsetSameInstant(ZoneOffset.UTC)) + "Z";
		case "interval" -> micros((PGInterval) r.getObject(i));
		case "json", "jsonb" -> "json:" + r.getString(i);
		default -> r.getString(i);
		};
	}

	private static String real(double d) {
		return String.format("%016x", Double.doubleToLongBits(d));
	}

	private static String zoned(OffsetTime t) {
		return TIME.format(t) + t.getOffset().getTotalSeconds();
	}

	private static String micros(PGInterval v) {
		long months = v.getYears() * 12L + v.getMonths();
		long days = months * 30 + v.getDays();
		return "" + (((days * 24 + v.getHours()) * 60 + v.getMinutes()) * 60_000_000L + v.getWholeSeconds() * 1_000_000L + v.getMicroSeconds());
	}

	private static String array(Array a, String type) throws SQLException {
		return elements((Object[]) a.getArray());
	}

	private static String elements(Object[] all) {
		List<String> parts = new ArrayList<>();
		for (Object o : all) {
			if (o instanceof Object[] inner)
				parts.add(elements(inner));
			else if (o instanceof Boolean b)
				parts.add(b ? "t" : "f");
			else if (o instanceof Double || o instanceof Float)
				parts.add(real(((Number) o).doubleValue()));
			else if (o instanceof BigDecimal d)
				parts.add(d.toPlainString());
			else
				parts.add(o == null ? "NULL" : o.toString());
		}
		return "{" + String.join(",", parts) + "}";
	}
}
