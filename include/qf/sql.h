/*
 * SQL text as far as a gateway must understand it: tokens, statements, what kind of statement it is and
 * whether it can change anything. Pure: text in, facts out; no I/O, no globals, any thread.
 *
 * It is not a parser. Where a fact cannot be had from tokens, the answer is the safe one: unknown counts
 * as write. All slices borrow from the text given in; lists are allocated from the caller's arena.
 */
#ifndef QF_SQL_H
#define QF_SQL_H

#include "qf/arena.h"
#include "qf/buf.h"

/* ---- dialects ---------------------------------------------------------------------------------- */

enum qf_dialect {
	QF_DIALECT_NONE,
	QF_DIALECT_POSTGRES,
	QF_DIALECT_DUCKDB,
	QF_DIALECT_TRINO,
	QF_DIALECT_MYSQL,
	QF_DIALECT_CLICKHOUSE,
	QF_DIALECT_STARROCKS,
	QF_DIALECT_ATHENA,
	QF_DIALECT_SNOWFLAKE,
	QF_DIALECT_BIGQUERY,
	QF_DIALECT_SPARK,
	QF_DIALECT_HIVE,
	QF_DIALECT_PRESTO,
	QF_DIALECT_REDSHIFT,
	QF_DIALECT_DATABRICKS,
	QF_DIALECT_SQLITE,
	QF_DIALECT_TSQL,
	QF_DIALECT_ORACLE,
	QF_DIALECT_N
};

const char *qf_dialect_name(enum qf_dialect d);		/* sqlglot's name: "postgres", "duckdb", … */
enum qf_dialect qf_dialect_find(struct qf_slice name);	/* case-insensitive; NONE when unknown */
const char *const *qf_dialect_names(void);		/* NULL-terminated, for hints and --list-dialects */
/* Statements pass between a and b without translation (equal, or wire-compatible like mysql/starrocks). */
bool qf_dialect_same(enum qf_dialect a, enum qf_dialect b);

/* ---- tokens ------------------------------------------------------------------------------------ */

enum qf_tok {
	QF_TOK_END,
	QF_TOK_WORD,	  /* unquoted identifier or keyword */
	QF_TOK_QUOTED,	  /* quoted identifier, quotes included */
	QF_TOK_STRING,	  /* any string literal, prefix and quotes included */
	QF_TOK_NUMBER,
	QF_TOK_PARAM,	  /* $1, ?, :name, %s, @name, {p:Type}: what the dialect has */
	QF_TOK_OP,	  /* operators and punctuation, one lexeme */
	QF_TOK_SEMICOLON,
	QF_TOK_COMMENT,
	QF_TOK_BAD,	  /* unterminated string, comment or quoted name: reaches to the end */
};

struct qf_token {
	enum qf_tok type;
	struct qf_slice text;
};

struct qf_lexer {
	struct qf_slice text;
	size_t at;
	enum qf_dialect dialect;
};

/* A lexeme whose end is still searched; private to lib/sql, here because it is kept in qf_split_feed. */
struct qf_lex_open {
	enum qf_tok type;
	uint8_t body;	/* what it is, see lib/sql/lex.h */
	uint8_t quote;	/* the byte that ends it */
	bool escape;	/* \\ takes the next byte with it */
	unsigned nest;	/* open block comments */
	size_t start;	/* its first byte */
	size_t at;	/* where to go on */
	size_t tag;	/* length of $tag$ */
};

struct qf_lexer qf_lexer(struct qf_slice text, enum qf_dialect d);
/* The next token, comments included, white space not. */
struct qf_token qf_lex(struct qf_lexer *lx);

/* ---- splitting --------------------------------------------------------------------------------- */

struct qf_statement {
	struct qf_slice text;	 /* without the ';' and without surrounding white space; comments stay */
	struct qf_slice comment; /* the comments before its first other token, as they stand; may be empty */
	size_t offset;		 /* of text in the input, bytes */
	unsigned line;		 /* 1-based line of its first token that is no comment */
	bool empty;		 /* comments and white space only */
	bool terminated;	 /* a ';' stood behind it */
};

struct qf_splitter {
	struct qf_lexer lx;
	unsigned line;	/* of byte counted; set it after qf_splitter() when the text is not the start of the input */
	size_t counted;
};

struct qf_splitter qf_splitter(struct qf_slice text, enum qf_dialect d);
/* False at the end. Empty statements are returned too (empty = true). */
bool qf_split_next(struct qf_splitter *sp, struct qf_statement *ret);
/*
 * For a stream: true when text[0..] holds one whole statement with its ';' (*ret_used covers it and the
 * ';'), false when more input is needed. Decides from the bytes given only, from their beginning.
 */
bool qf_split_ready(struct qf_slice text, enum qf_dialect d, size_t *ret_used);

/* What a ';' means depends on these: psql's rules for PostgreSQL, every ';' elsewhere. */
struct qf_split_state {
	unsigned parens; /* open ( */
	unsigned blocks; /* open BEGIN and CASE of an SQL routine body */
	uint8_t head;	 /* how far CREATE [OR REPLACE] FUNCTION was read */
};

/*
 * The same for text that grows: each byte is looked at once, however small the pieces are. Give the same
 * text again with what came behind it, until true; then drop ret_used bytes, the next call starts anew.
 * At the end of the input what is left is one statement without ';' (or nothing), for qf_split_next().
 */
struct qf_split_feed {
	enum qf_dialect dialect;
	struct qf_split_state state;
	struct qf_lex_open open;
	size_t at; /* everything before was looked at */
};

struct qf_split_feed qf_split_feed(enum qf_dialect d);
bool qf_split_feed_ready(struct qf_split_feed *f, struct qf_slice text, size_t *ret_used);

/* ---- facts about one statement ------------------------------------------------------------------ */

enum qf_verb {
	QF_VERB_EMPTY,
	QF_VERB_SELECT,	 /* also VALUES, TABLE, WITH … SELECT, FROM-first (duckdb) */
	QF_VERB_INSERT,
	QF_VERB_UPDATE,
	QF_VERB_DELETE,
	QF_VERB_MERGE,
	QF_VERB_CREATE,
	QF_VERB_ALTER,
	QF_VERB_DROP,
	QF_VERB_TRUNCATE,
	QF_VERB_COPY,
	QF_VERB_EXPLAIN,
	QF_VERB_SHOW,	 /* SHOW, DESCRIBE, DESC, SUMMARIZE */
	QF_VERB_SET,	 /* SET name = / TO, SET SESSION, SET LOCAL, SET TIME ZONE */
	QF_VERB_RESET,
	QF_VERB_USE,
	QF_VERB_BEGIN,	 /* BEGIN, START TRANSACTION */
	QF_VERB_COMMIT,	 /* COMMIT, END */
	QF_VERB_ROLLBACK,
	QF_VERB_SAVEPOINT,
	QF_VERB_RELEASE,
	QF_VERB_ROLLBACK_TO,
	QF_VERB_SET_TRANSACTION, /* SET [SESSION CHARACTERISTICS AS] TRANSACTION … */
	QF_VERB_PREPARE,
	QF_VERB_EXECUTE,
	QF_VERB_DEALLOCATE,
	QF_VERB_DECLARE,
	QF_VERB_FETCH,
	QF_VERB_MOVE,
	QF_VERB_CLOSE,
	QF_VERB_DISCARD,
	QF_VERB_LISTEN,	 /* LISTEN, UNLISTEN, NOTIFY */
	QF_VERB_LOCK,
	QF_VERB_CALL,	 /* CALL, DO, EXECUTE IMMEDIATE: opaque bodies */
	QF_VERB_GRANT,	 /* GRANT, REVOKE */
	QF_VERB_ATTACH,	 /* ATTACH, DETACH, INSTALL, LOAD, PRAGMA, CHECKPOINT, VACUUM, ANALYZE, EXPORT, IMPORT */
	QF_VERB_OTHER,
	QF_VERB_N
};

enum qf_access { QF_ACCESS_READ, QF_ACCESS_WRITE, QF_ACCESS_UNKNOWN };

struct qf_facts {
	enum qf_verb verb;
	enum qf_access access;	 /* READ only when every called function is in the dialect's allow list */
	struct qf_slice word;	 /* the first keyword as written */
	struct qf_slice culprit; /* what made access other than READ: a keyword or a function name; may be empty */
	unsigned depth;		 /* deepest nesting of ( [ { and CASE */
	unsigned params;	 /* number of placeholder tokens */
	bool returns_rows;	 /* SELECT-like, SHOW, EXPLAIN, EXECUTE, FETCH, … RETURNING; COPY and CALL not */
	bool volatile_fn;	 /* calls now(), random() and the like: a resubmission may answer otherwise */
	bool bad;		 /* ends inside a string, comment or quoted name */
	uint64_t fingerprint;	 /* equal for statements that differ in literals, comments, space and case only */
};

const char *qf_verb_name(enum qf_verb v);
/*
 * Facts of one statement (no ';' inside). Never fails: what is not understood is OTHER and UNKNOWN. What tokens
 * cannot show is not judged: views, casts and operators of the user, and functions that shadow built-in ones.
 */
void qf_sql_facts(struct qf_slice stmt, enum qf_dialect d, struct qf_facts *ret);
/*
 * PostgreSQL's command tag for a finished statement: "SELECT 3", "INSERT 0 1", "CREATE TABLE". rows is the
 * number of rows returned or affected. Written into buf (NUL-terminated). [PG 55.7 CommandComplete]
 * What PostgreSQL does not have gets its first keyword, or SELECT when it returns rows. For EXECUTE the tag is
 * that of the prepared statement: give its text instead. COMMIT of a failed transaction is the caller's ROLLBACK.
 */
void qf_sql_tag(struct qf_slice stmt, const struct qf_facts *f, uint64_t rows, char *buf, size_t size);

/* ---- tables --------------------------------------------------------------------------------------- */

/* A name as a statement has it, unquoted and in lower case (ASCII): table, schema.table or catalog.schema.table. */
struct qf_table_name {
	const char *part[3]; /* from the arena */
	unsigned n;
};

/*
 * The names of a statement that may be those of tables, each once, at most max of them into ret; returns how many.
 * More are found than there are (names of WITH queries, columns behind IS DISTINCT FROM …); a table may be missed.
 * Names with a '.' or '/' in them are left out: an engine may read those as files.
 */
size_t qf_sql_tables(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_table_name *ret, size_t max);

/* ---- session statements -------------------------------------------------------------------------- */

struct qf_setting_stmt {
	bool local;	       /* SET LOCAL */
	bool to_default;       /* SET x TO DEFAULT, RESET x */
	bool all;	       /* RESET ALL, SHOW ALL */
	const char *name;      /* lower case, "timezone" for TIME ZONE; from the arena */
	/* Unquoted; lists joined with ", " (names in search_path keep quotes that they need); a time zone offset as
	 * PostgreSQL names it, "<+02>-02"; from the arena; NULL with to_default and for SHOW. */
	const char *value;
};

/*
 * Reads SET, RESET and SHOW. QF_EMALFORMED with text when the statement is none of these forms (SET TRANSACTION
 * and the like change no setting), QF_ELIMIT when the arena is full; *ret is untouched then.
 */
int qf_sql_setting(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_setting_stmt *ret,
		   struct qf_err *reterr) qf_must_check;
/* Removes the quotes of a quoted identifier or string token of the dialect; NULL when malformed. */
char *qf_sql_unquote(struct qf_slice token, enum qf_dialect d, struct qf_arena *a);

#endif
