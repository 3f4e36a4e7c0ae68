/*
 * The PostgreSQL frontend/backend protocol, version 3: as the server speaks it to clients (decode.c, startup.c,
 * extended.c, encode.c), and as the engine speaks it to servers (backend.c, ask.c). Sans-I/O: bytes in, events out; the caller
 * owns sockets, buffers and time. [PG 55] is the chapter "Frontend/Backend Protocol".
 *
 * qf_pg_decode() looks at the front of what has arrived, says how much of it is used up and what it was.
 * Event slices borrow from the input. The same bytes give the same events however they are cut, with one
 * exception that the caller owns: bytes behind an SSLRequest that has not been answered yet must be refused
 * (they cannot be from a client that asked for TLS), which depends on when they arrived.
 * One thread at a time; the decoder holds no memory.
 */
#ifndef QF_PROTO_POSTGRES_H
#define QF_PROTO_POSTGRES_H

#include <stdbool.h>

#include "qf/buf.h"

/* ---- what a client sends ------------------------------------------------------------------------ */

#define QF_PG_VERSION_3_0 0x00030000u
#define QF_PG_VERSION_3_2 0x00030002u /* the newest here: longer cancel keys */

enum {
	QF_PG_MAX_STARTUP = 10000,	 /* bytes of a startup packet without its length, as PostgreSQL */
	QF_PG_MAX_SMALL = 10000,	 /* bytes of a message that carries names, numbers or a proof only */
	QF_PG_MAX_LARGE = 0x3fffffff, /* what PostgreSQL itself refuses to read */
};

enum qf_pg_event_type {
	QF_PG_NEED_MORE,
	QF_PG_SSL_REQUEST,
	QF_PG_GSS_REQUEST,
	QF_PG_CANCEL_REQUEST, /* pid, key */
	QF_PG_STARTUP,	      /* version, body: the parameters, see qf_pg_startup_next() */
	QF_PG_MESSAGE,	      /* kind, body */
	QF_PG_TOO_LONG,	      /* kind, need: a message over max_message has passed by, unread */
	QF_PG_BROKEN,	      /* error; the stream cannot be understood any further */
};

struct qf_pg_event {
	enum qf_pg_event_type type;
	char kind;	       /* the message's type byte: 'Q', 'P', … */
	struct qf_slice body;
	size_t need;	       /* whole size of the message, header included; 0 when not known yet */
	uint32_t version;      /* STARTUP, and BROKEN because of the version: answer in that version's form */
	uint32_t pid;	       /* CANCEL_REQUEST */
	struct qf_slice key;   /* CANCEL_REQUEST: 4 to 256 bytes [PG 55.2.8] */
	const char *sqlstate;  /* BROKEN */
	struct qf_err error;   /* BROKEN: what a FATAL ErrorResponse says */
};

struct qf_pg_decoder {
	size_t max_message;    /* of a message that carries statements or data; a longer one is TOO_LONG */
	bool started;	       /* past the startup packet */
	bool ssl_asked, gss_asked;
	bool login;	       /* set by the owner: the client is to answer an authentication request, with nothing but that */
	uint64_t skip;	       /* bytes of a too long message that have not passed by yet */
	size_t skip_need;
	char skip_kind;
};

void qf_pg_decoder_init(struct qf_pg_decoder *d, size_t max_message);
/* *ret_used is to be dropped from the front of `in`, also with NEED_MORE. After BROKEN do not call again. */
void qf_pg_decode(struct qf_pg_decoder *d, struct qf_slice in, size_t *ret_used, struct qf_pg_event *ret);
/* After NEED_MORE with a known `need`: the message is not wanted after all and ends as TOO_LONG. */
void qf_pg_decoder_skip(struct qf_pg_decoder *d, struct qf_slice in);

/* The next name and value of a STARTUP body; false at the end. The body was checked by qf_pg_decode(). */
bool qf_pg_startup_next(struct qf_reader *r, struct qf_slice *ret_name, struct qf_slice *ret_value);
/*
 * The next word of the startup parameter `options`: split at white space, a backslash takes the next byte
 * as it is. Appended to `word`; false at the end.
 */
bool qf_pg_options_next(struct qf_reader *r, struct qf_buf *word);
/* The text of a message that is one string; QF_EMALFORMED when it is not. [PG 55.7 Query] */
int qf_pg_read_string(struct qf_slice body, struct qf_slice *ret) qf_must_check;

/*
 * SASLInitialResponse [PG 55.7]: the mechanism, and the first message with p NULL when there is none. The other answers to
 * an authentication request are one string (passwords), or are the body itself (SASLResponse).
 */
int qf_pg_read_sasl(struct qf_slice body, struct qf_slice *ret_mechanism, struct qf_slice *ret_data) qf_must_check;

/*
 * Bodies of the extended protocol [PG 55.2.3, 55.7]. QF_EMALFORMED when anything is missing, left over or beyond its
 * limits; every count is checked against what is there. Slices borrow from the body.
 */
struct qf_pg_parse {
	struct qf_slice name, text;
	uint16_t n_types;
	struct qf_reader types; /* n_types times a u32 */
};
int qf_pg_read_parse(struct qf_slice body, struct qf_pg_parse *ret) qf_must_check;

struct qf_pg_bind {
	struct qf_slice portal, statement;
	uint16_t n_param_formats, n_values, n_formats;
	struct qf_reader param_formats, values, formats; /* values: qf_pg_read_value(), n_values times */
};
int qf_pg_read_bind(struct qf_slice body, struct qf_pg_bind *ret) qf_must_check;
/* Describe, Close: 'S' statement or 'P' portal, and its name. */
int qf_pg_read_target(struct qf_slice body, char *ret_kind, struct qf_slice *ret_name) qf_must_check;
/* A limit that is negative means none, as 0 does. */
int qf_pg_read_execute(struct qf_slice body, struct qf_slice *ret_portal, uint32_t *ret_max_rows) qf_must_check;

/* ---- what a server sends ------------------------------------------------------------------------ */

/* Each appends one whole message. */
/* One without a body: '1' ParseComplete, '2' BindComplete, '3' CloseComplete, 'n' NoData, 's' PortalSuspended. */
void qf_pg_put_mark(struct qf_buf *out, char kind);
void qf_pg_put_parameter_description(struct qf_buf *out, const uint32_t *oids, uint16_t n);
void qf_pg_put_ssl_no(struct qf_buf *out); /* also the refusal of GSSAPI encryption */
void qf_pg_put_ssl_yes(struct qf_buf *out);
void qf_pg_put_auth_ok(struct qf_buf *out);
enum qf_pg_auth { /* the requests that stand before that */
	QF_PG_AUTH_CLEARTEXT = 3,
	QF_PG_AUTH_MD5 = 5,	      /* 4 bytes of salt */
	QF_PG_AUTH_SASL = 10,	      /* names of mechanisms, each with its NUL, and one more */
	QF_PG_AUTH_SASL_CONTINUE = 11, /* the mechanism's own */
	QF_PG_AUTH_SASL_FINAL = 12,
};
void qf_pg_put_auth(struct qf_buf *out, enum qf_pg_auth what, struct qf_slice data);
void qf_pg_put_parameter_status(struct qf_buf *out, const char *name, const char *value);
void qf_pg_put_backend_key_data(struct qf_buf *out, uint32_t pid, struct qf_slice key);
/* options: the `_pq_.` names that were not understood, each with its NUL, one behind the other. */
void qf_pg_put_negotiate_version(struct qf_buf *out, uint32_t version, struct qf_slice options, uint32_t n_options);
void qf_pg_put_ready(struct qf_buf *out, char transaction_status);
void qf_pg_put_command_complete(struct qf_buf *out, const char *tag);
void qf_pg_put_empty_query(struct qf_buf *out);

struct qf_pg_fields { /* [PG 55.8]; NULL or 0: the field is left out */
	const char *severity;
	const char *sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
	uint32_t position; /* 1-based, in characters */
};

void qf_pg_put_error(struct qf_buf *out, const struct qf_pg_fields *f);
void qf_pg_put_notice(struct qf_buf *out, const struct qf_pg_fields *f);
/* An error for a client that asked for protocol 2: "FATAL:  text\n". */
void qf_pg_put_error_v2(struct qf_buf *out, const struct qf_pg_fields *f);

/* An ErrorResponse ('E') or NoticeResponse ('N') of another server's fields, their position moved by `shift` characters. */
void qf_pg_put_report(struct qf_buf *out, char kind, struct qf_slice body, uint32_t shift);

/* Sets the format codes of a whole RowDescription message: as Bind has them, none: text, one: for all. */
void qf_pg_set_formats(uint8_t *message, size_t n, const uint16_t *formats, size_t n_formats);

/* RowDescription: begin, one column each, end with what begin returned. */
size_t qf_pg_begin_row_description(struct qf_buf *out, uint16_t columns);
void qf_pg_add_column(struct qf_buf *out, const char *name, uint32_t oid, int16_t len, int32_t mod);
void qf_pg_end_message(struct qf_buf *out, size_t begin);
/* One DataRow with one text value; NULL is NULL. */
void qf_pg_put_text_row(struct qf_buf *out, const char *const *values, uint16_t n);

/* ---- what a client sends: for the engine, which is one ------------------------------------------- */

/* Each appends one whole message. Names and texts hold no NUL. */
void qf_pg_put_query(struct qf_buf *out, struct qf_slice sql);
void qf_pg_put_parse(struct qf_buf *out, const char *name, struct qf_slice sql, const uint32_t *oids, uint16_t n_oids);
/* Bind: begin, each value, end with what begin returned and the formats of the result columns. */
size_t qf_pg_begin_bind(struct qf_buf *out, const char *portal, const char *statement, const uint16_t *param_formats,
			uint16_t n_params);
void qf_pg_add_value(struct qf_buf *out, const void *p, uint32_t n); /* p NULL: SQL NULL */
void qf_pg_end_bind(struct qf_buf *out, size_t begun, const uint16_t *formats, uint16_t n_formats);
void qf_pg_put_describe(struct qf_buf *out, char what, const char *name); /* 'S' statement, 'P' portal */
void qf_pg_put_execute(struct qf_buf *out, const char *portal, uint32_t max_rows);
void qf_pg_put_close(struct qf_buf *out, char what, const char *name);
void qf_pg_put_sync(struct qf_buf *out);
void qf_pg_put_flush(struct qf_buf *out);
void qf_pg_put_copy_fail(struct qf_buf *out, const char *why);
void qf_pg_put_terminate(struct qf_buf *out);

/* ---- what a server sends, read by the engine ------------------------------------------------------ */

struct qf_pg_reply {
	char kind;
	struct qf_slice message; /* whole */
	struct qf_slice body;
	size_t need; /* with 0: whole size of the message, 0 when not known yet */
};

/*
 * The message at the front of `in`, in the state after authentication: 1 and *ret, 0 when more bytes are needed,
 * QF_EMALFORMED for a kind or a length that no server sends. A row of any length is well-formed: the caller looks at
 * `need` before it makes room for one.
 */
int qf_pg_reply_next(struct qf_slice in, struct qf_pg_reply *ret, struct qf_err *reterr) qf_must_check;
/*
 * How many bytes at the front of `in` are whole messages of that kind ('D' or 'd'), at most `max` of them but at least
 * one message, and how many messages that is. A row of another number of columns ends them; -1: of any number.
 */
size_t qf_pg_reply_rows(struct qf_slice in, char kind, int columns, size_t max, uint64_t *ret_rows);

struct qf_pg_report { /* an ErrorResponse or NoticeResponse [PG 55.8]; slices borrow from its body */
	struct qf_slice severity; /* not localised where the server says so (9.6 and later) */
	struct qf_slice sqlstate, message, detail, hint;
	uint32_t position;
};

/* Reads what is there; QF_EMALFORMED when it is not a list of fields (what was read so far stands). */
int qf_pg_read_report(struct qf_slice body, struct qf_pg_report *ret) qf_must_check;
bool qf_pg_is_sqlstate(struct qf_slice s);
bool qf_pg_report_is_whole(struct qf_slice body); /* it can be read, is UTF-8, and has a severity, a SQLSTATE, a text */
int qf_pg_read_ready(struct qf_slice body, char *ret_status) qf_must_check; /* 'I', 'T', 'E' */
int qf_pg_read_parameter_status(struct qf_slice body, struct qf_slice *ret_name, struct qf_slice *ret_value) qf_must_check;
/* CommandComplete: the tag, and the number at its end (0 without one). */
int qf_pg_read_tag(struct qf_slice body, struct qf_slice *ret_tag, uint64_t *ret_rows) qf_must_check;
/* ParameterDescription: oids appended to `oids`, as uint32_t of this machine. */
int qf_pg_read_parameters(struct qf_slice body, struct qf_buf *oids, size_t *ret_n) qf_must_check;

struct qf_pg_column {
	struct qf_slice name;
	uint32_t table, oid;
	uint16_t attribute, format;
	int16_t len;
	int32_t mod;
	size_t format_at; /* where in the body the format stands */
};

/* RowDescription: how many columns, then each; false at the end or when it is malformed (r->err). */
struct qf_reader qf_pg_columns(struct qf_slice body, uint16_t *ret_n);
bool qf_pg_column_next(struct qf_reader *r, struct qf_slice body, struct qf_pg_column *ret);
/* Checks a RowDescription whole. */
int qf_pg_check_columns(struct qf_slice body) qf_must_check;
/* The next value of a DataRow of ours, NULL: p is NULL; r stands behind the count. */
struct qf_slice qf_pg_read_value(struct qf_reader *r);

#endif
