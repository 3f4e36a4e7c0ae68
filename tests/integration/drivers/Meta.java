import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.util.*;

/**
 * Calls the methods of DatabaseMetaData and prints their rows: a line "= name", a line of column names and types, then
 * a line a row; fields are separated by tabs. With a second argument each call is marked by a statement that names it.
 */
public class Meta {
	private interface Call {
		ResultSet of(DatabaseMetaData m) throws SQLException;
	}

	private static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
	private static final Map<String, Call> CALLS = new LinkedHashMap<>();

	static {
		CALLS.put("getCatalogs", m -> m.getCatalogs());
		CALLS.put("getSchemas", m -> m.getSchemas());
		CALLS.put("getSchemas sales", m -> m.getSchemas(null, "sal%"));
		CALLS.put("getTableTypes", m -> m.getTableTypes());
		CALLS.put("getTables", m -> m.getTables(null, null, "%", new String[] {"TABLE", "VIEW", "SEQUENCE", "INDEX", "TYPE"}));
		CALLS.put("getTables sales", m -> m.getTables(null, "sales", null, null));
		CALLS.put("getTables customers", m -> m.getTables("bank", "public", "customers", new String[] {"TABLE"}));
		CALLS.put("getColumns", m -> m.getColumns(null, "public", "%", "%"));
		CALLS.put("getColumns sales", m -> m.getColumns(null, "sales", "%", null));
		CALLS.put("getColumns odd", m -> m.getColumns(null, "Odd Schema", "it's", null));
		CALLS.put("getPrimaryKeys", m -> m.getPrimaryKeys(null, "public", "customers"));
		CALLS.put("getPrimaryKeys sales", m -> m.getPrimaryKeys(null, "sales", "lines"));
		CALLS.put("getImportedKeys", m -> m.getImportedKeys(null, "public", "orders"));
		CALLS.put("getImportedKeys sales", m -> m.getImportedKeys(null, "sales", "parts"));
		CALLS.put("getExportedKeys", m -> m.getExportedKeys(null, "public", "customers"));
		CALLS.put("getCrossReference", m -> m.getCrossReference(null, "public", "customers", null, "public", "orders"));
		CALLS.put("getIndexInfo", m -> m.getIndexInfo(null, "public", "customers", false, true));
		CALLS.put("getIndexInfo sales", m -> m.getIndexInfo(null, "sales", "lines", true, false));
		CALLS.put("getBestRowIdentifier", m -> m.getBestRowIdentifier(null, "public", "customers", DatabaseMetaData.bestRowSession, true));
		CALLS.put("getVersionColumns", m -> m.getVersionColumns(null, "public", "customers"));
		CALLS.put("getTypeInfo", m -> m.getTypeInfo());
		CALLS.put("getProcedures", m -> m.getProcedures(null, "public", "%"));
		CALLS.put("getProcedureColumns", m -> m.getProcedureColumns(null, "public", "%", "%"));
		CALLS.put("getFunctions", m -> m.getFunctions(null, "public", "%"));
		CALLS.put("getFunctionColumns", m -> m.getFunctionColumns(null, "public", "%", "%"));
		CALLS.put("getTablePrivileges", m -> m.getTablePrivileges(null, "public", "customers"));
		CALLS.put("getColumnPrivileges", m -> m.getColumnPrivileges(null, "public", "customers", "id"));
		CALLS.put("getUDTs", m -> m.getUDTs(null, null, "%", null));
		CALLS.put("getClientInfoProperties", m -> m.getClientInfoProperties());
		CALLS.put("enum column", m -> m.getConnection().createStatement().executeQuery("select feeling, tags, numbers, took from customers, orders"));
	}

	public static void main(String[] args) throws SQLException {
		try (Connection c = DriverManager.getConnection(args[0]); Statement s = c.createStatement()) {
			DatabaseMetaData m = c.getMetaData();
			for (Map.Entry<String, Call> call : CALLS.entrySet()) {
				if (args.length > 1)
					s.execute("select 'mark " + call.getKey() + "'");
				out.println("= " + call.getKey());
				try (ResultSet r = call.getValue().of(m)) {
					print(r);
				} catch (SQLException e) {
					out.println("error\t" + e.getSQLState() + "\t" + String.valueOf(e.getMessage()).replace('\n', ' '));
				}
			}
			if (args.length > 1)
				s.execute("select 'mark values'");
			out.println("= values");
			value("getSQLKeywords", () -> m.getSQLKeywords());
			value("getUserName", () -> m.getUserName());
			value("getDatabaseProductVersion", () -> m.getDatabaseProductVersion());
			value("getDefaultTransactionIsolation", () -> m.getDefaultTransactionIsolation());
			value("getMaxColumnNameLength", () -> m.getMaxColumnNameLength());
			value("getMaxColumnsInIndex", () -> m.getMaxColumnsInIndex());
			value("getCatalog", () -> c.getCatalog());
			value("getSchema", () -> c.getSchema());
			value("getTransactionIsolation", () -> c.getTransactionIsolation());
			value("isReadOnly", () -> c.isReadOnly());
		}
		out.flush();
	}

	private interface Value {
		Object get() throws SQLException;
	}

	private static void value(String name, Value v) {
		try {
			out.println(name + "\t" + v.get());
		} catch (SQLException e) {
			out.println(name + "\terror\t" + e.getSQLState() + "\t" + String.valueOf(e.getMessage()).replace('\n', ' '));
		}
	}

	private static void print(ResultSet r) throws SQLException {
		ResultSetMetaData md = r.getMetaData();
		StringJoiner names = new StringJoiner("\t");

		for (int i = 1; i <= md.getColumnCount(); i++)
			names.add(md.getColumnLabel(i) + ":" + md.getColumnTypeName(i));
		out.println(names);
		while (r.next()) {
			StringJoiner row = new StringJoiner("\t");
			for (int i = 1; i <= md.getColumnCount(); i++)
				row.add(String.valueOf(r.getString(i)).replace("\n", "\\n"));
			out.println(row);
		}
	}
}
