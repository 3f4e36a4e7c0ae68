/*
 * A bus message: [header][body][payload] in one ZeroMQ part. Encode and decode only; no sockets.
 *
 * Header, 28 bytes, big-endian: magic "QF", major version u8, kind u8, flags u16, attempt u16, stream u64,
 * sender epoch u64, body length u32. The body is a run of fields {tag u16, length u32, bytes}; bit 15 of a
 * tag says "required": a reader that does not know such a tag refuses the message, others are skipped. The
 * payload (row bytes) is what stands behind the body. See qf-protocol(7).
 *
 * A decoded struct qf_msg borrows from the bytes it was read from. Any thread.
 */
#ifndef QF_MSG_H
#define QF_MSG_H

#include "qf/arena.h"
#include "qf/bind.h"
#include "qf/buf.h"
#include "qf/conf.h"

#define QF_PROTO_MAJOR 1
#define QF_PROTO_MINOR 0
#define QF_MSG_HEADER 28
#define QF_MSG_KIND_AT 3
#define QF_MSG_EPOCH_AT 16 /* the bus writes the sender's epoch here */
#define QF_MSG_MAX (17u << 20)	      /* largest message on any socket */

enum qf_kind {
	QF_MSG_HELLO = 1,
	QF_MSG_BYE,
	QF_MSG_PING,
	QF_MSG_QUERY,
	QF_MSG_ROUTED,
	QF_MSG_BOUNCED,
	QF_MSG_ACCEPTED,
	QF_MSG_STARTED,
	QF_MSG_SCHEMA,
	QF_MSG_BATCH,
	QF_MSG_RESULT,
	QF_MSG_DONE,
	QF_MSG_FAILED,
	QF_MSG_NOTICE,
	QF_MSG_CREDIT,
	QF_MSG_CANCEL,
	QF_MSG_EXECUTE,
	QF_MSG_RESOLVE,
	QF_MSG_RESOLVED,
	QF_MSG_TRANSLATE,
	QF_MSG_TRANSLATED,
	QF_MSG_EVENT,
	QF_MSG_CONTROL,
	QF_MSG_INPUT,
	QF_MSG_ASYNC,
	QF_MSG_KEYS, /* of a stream's user, for queryAuth scramKeys: dispatch asks, the listener answers with client and server key, or nothing */
	QF_MSG_N
};

enum qf_msg_flags {
	QF_MSG_MORE = 1 << 0,  /* BATCH: the next BATCH of the stream continues this one */
	QF_MSG_REPLY = 1 << 1, /* HELLO, PING, CONTROL: an answer, not to be answered */
	QF_MSG_ROWS = 1 << 2,  /* HELLO: this is the rows link */
};

enum qf_field {
	QF_F_PROGRAM = 1,   /* text */
	QF_F_INSTANCE,	    /* text */
	QF_F_PID,	    /* u32 */
	QF_F_VERSION,	    /* u16 major, u16 minor */
	QF_F_CONF_ID,	    /* u64 */
	QF_F_RETIRED,	    /* u64 list: stream ids that the sender will not speak of again */
	QF_F_QUERY_ID,	    /* text, public */
	QF_F_FRONTEND,	    /* u8, enum qf_frontend */
	QF_F_SESSION,	    /* u64 */
	QF_F_USER,	    /* text */
	QF_F_DATABASE,	    /* text */
	QF_F_DB_SCHEMA,	    /* text */
	QF_F_CLIENT,	    /* text */
	QF_F_TIME_ZONE,	    /* text */
	QF_F_DIALECT,	    /* u8, enum qf_dialect, of the statement */
	QF_F_HEADER,	    /* pair, repeated */
	QF_F_TAG,	    /* pair, repeated */
	QF_F_SQL,	    /* text */
	QF_F_ACCESS,	    /* u8, enum qf_access */
	QF_F_FINGERPRINT,   /* u64 */
	QF_F_DEADLINE,	    /* u64, nanoseconds from the moment of sending */
	QF_F_KNOWN,	    /* pair instance → epoch (decimal), repeated: dispatch epochs the listener knows */
	QF_F_LISTENER,	    /* pair instance → epoch: who asked */
	QF_F_GROUP,	    /* text */
	QF_F_CLUSTER,	    /* text */
	QF_F_TRACE,	    /* text: the deciding rule */
	QF_F_PIN,	    /* u64: transaction of that listener; 0 is none */
	QF_F_PIN_FLAGS,	    /* u8, enum qf_pin_flags */
	QF_F_PIN_AT,	    /* pair instance → epoch: the dispatch that holds the pin */
	QF_F_ROWS,	    /* u64: returned or affected */
	QF_F_OUTCOME,	    /* u8, enum qf_engine_outcome */
	QF_F_SQLSTATE,	    /* text */
	QF_F_MESSAGE,	    /* text */
	QF_F_DETAIL,	    /* text */
	QF_F_HINT,	    /* text */
	QF_F_POSITION,	    /* u32 */
	QF_F_SEVERITY,	    /* text */
	QF_F_BYTES,	    /* u64: credit; of INPUT, those before it */
	QF_F_VERDICT,	    /* u8, enum qf_verdict */
	QF_F_FROM,	    /* u8, enum qf_dialect */
	QF_F_TO,	    /* u8, enum qf_dialect */
	QF_F_LENIENT,	    /* u8: warnings and doubts pass as notices (translation.errorOnUnsupported: false) */
	QF_F_WARNING,	    /* text, repeated */
	QF_F_DOUBT,	    /* text, repeated */
	QF_F_QUEUE_NS,	    /* u64: time spent waiting for a slot */
	QF_F_RUN_NS,	    /* u64: time from start to end at the engine */
	QF_F_HAS_ROWS,	    /* u8 */
	QF_F_TX,	    /* u8, enum qf_tx_state, after the statement */
	QF_F_COMMAND,	    /* text: CONTROL */
	QF_F_EVENT,	    /* text: what happened; of a row of CONTROL or of a state: what it is about */
	QF_F_SLOT_IDLE_NS,  /* u64: how long the slot that it waited for was free before it started */
	QF_F_TOTAL_NS,	    /* u64: from the client's statement to its end */
	QF_F_FROM_JOURNAL,  /* u8: the verdict is about an earlier epoch */
	QF_F_VOLATILE,	    /* u8: the engine's content died with that epoch */
	QF_F_TABLES,	    /* text, JSON {"table": {"column": "TYPE"}}: what is known of the target's tables, for TRANSLATE */
	QF_F_VALUE,	    /* u64: of a gauge; how many were found */
	QF_F_LOST,	    /* u64: PING: EVENTs that the sender dropped since its start */
	QF_F_SCRIPT,	    /* pair router's number from 1 → outcome, repeated: EVENT of a verdict that asked scripts */
	QF_F_ENCODINGS,	    /* u8: QF_ENC_BIT of what the listener reads; see qf/bind.h for this and the next ones */
	QF_F_ENCODING,	    /* u8, enum qf_encoding: of the rows; absent: Arrow */
	QF_F_RUN,	    /* u8, enum qf_run_kind */
	QF_F_RUN_FLAGS,	    /* u8, enum qf_run_flags */
	QF_F_PARAM_TYPES,   /* u32 list: oids that the client declared; of an answer: those of all parameters */
	QF_F_PARAMS,	    /* values: {u8 format, u32 length or -1 as NULL, bytes} each */
	QF_F_FORMATS,	    /* u16 list: of result columns */
	QF_F_PORTAL,	    /* u64 */
	QF_F_MAX_ROWS,	    /* u32 */
	QF_F_CLOSED,	    /* u64 list: portals */
	QF_F_BEGIN,	    /* text: how the client began the transaction */
	QF_F_SETTING,	    /* pair, repeated: what the session has set */
	QF_F_COMMAND_TAG,   /* text: the engine's own */
	QF_F_SUSPENDED,	    /* u8: rows are left in the portal */
	QF_F_STAGE,	    /* u8, enum qf_stage: how far the statement that failed had come */
	QF_F_FIELDS,	    /* body of the engine's own ErrorResponse or NoticeResponse */
	QF_F_TICKET,	    /* u8: the verdict holds for every equal statement of an equal session, with this conf_id */
	QF_F_HELD,	    /* u8, enum qf_held: why the session keeps its connection */
	QF_F_FORM,	    /* u8, enum qf_bind_form */
	QF_F_INNER,	    /* text: of that form */
	QF_F_KEYED,	    /* u8: the session logged in by SCRAM, and its keys are there */
	QF_F_N
};

#define QF_F_REQUIRED 0x8000

/*
 * Of a statement with a pin. BEGINS: its transaction begins with it. ENDS: it is the COMMIT or ROLLBACK. NEW: the pin has no
 * connection yet; it gets one when a transaction begins or the engine says that the session must keep its connection.
 * DROPS: afterwards nothing is kept for it.
 */
enum qf_pin_flags { QF_PIN_BEGINS = 1 << 0, QF_PIN_ENDS = 1 << 1, QF_PIN_NEW = 1 << 2, QF_PIN_DROPS = 1 << 3 };
/* LOST: the pin's connection is gone, with whatever it held. */
enum qf_tx_state { QF_TX_NONE, QF_TX_OPEN, QF_TX_FAILED, QF_TX_LOST };

struct qf_msg {
	enum qf_kind kind;
	uint16_t flags;
	uint16_t attempt;
	uint64_t stream;
	uint64_t epoch; /* the sender's */
	struct qf_slice body, payload;
	uint32_t at[QF_F_N]; /* where in the body the first field of each tag has its value; 0 = absent */
};

const char *qf_kind_name(enum qf_kind k);

/* Writes a message into an empty buffer: begin, fields, end, then the payload may be appended. */
void qf_msg_begin(struct qf_buf *b, enum qf_kind kind, uint64_t stream, uint16_t attempt, uint16_t flags);
void qf_msg_end(struct qf_buf *b); /* patches the body length; the epoch is written by the bus */
void qf_put_u8(struct qf_buf *b, uint16_t tag, uint8_t v);
void qf_put_u32(struct qf_buf *b, uint16_t tag, uint32_t v);
void qf_put_u64(struct qf_buf *b, uint16_t tag, uint64_t v);
void qf_put_str(struct qf_buf *b, uint16_t tag, const char *s); /* NULL: no field */
void qf_put_slice(struct qf_buf *b, uint16_t tag, struct qf_slice s);
void qf_put_pair(struct qf_buf *b, uint16_t tag, const char *name, const char *value); /* value NULL: name only */

/* Checks header, version and that the body is a well-formed run of known-or-optional fields. */
int qf_msg_decode(struct qf_msg *ret, struct qf_slice bytes, struct qf_err *reterr) qf_must_check;

/* Getters find the first field of that tag; absent or of another size gives the zero value. */
uint8_t qf_get_u8(const struct qf_msg *m, enum qf_field f);
uint32_t qf_get_u32(const struct qf_msg *m, enum qf_field f);
uint64_t qf_get_u64(const struct qf_msg *m, enum qf_field f);
struct qf_slice qf_get(const struct qf_msg *m, enum qf_field f); /* p == NULL when absent */
bool qf_has(const struct qf_msg *m, enum qf_field f);
/* NUL-terminated copy, cut to size; left as it is when absent. */
void qf_get_text(const struct qf_msg *m, enum qf_field f, char *to, size_t size);
/* NUL-terminated copy in the arena; NULL when absent or holding a NUL byte. */
const char *qf_get_str(const struct qf_msg *m, enum qf_field f, struct qf_arena *a);

/* Walks all fields: start with the body's reader. */
struct qf_field_iter {
	struct qf_slice rest;
};
struct qf_field_iter qf_fields(const struct qf_msg *m);
bool qf_field_next(struct qf_field_iter *it, enum qf_field *ret_tag, struct qf_slice *ret_value);
/* Splits a pair; the value's p is NULL for a name-only pair. False when malformed. */
bool qf_pair(struct qf_slice field, struct qf_slice *ret_name, struct qf_slice *ret_value);

/* What a statement is run with. */
/* Appends the fields to a message that is being written. */
void qf_bind_put(struct qf_buf *msg, const struct qf_bind *b);
/* Reads them; what *ret points to is in the arena or borrows from m. QF_EMALFORMED. */
int qf_bind_get(struct qf_bind *ret, const struct qf_msg *m, struct qf_arena *a, struct qf_err *reterr) qf_must_check;

/* A payload that is a list of messages, each behind its length: the rows of CONTROL and of a program's state. */
void qf_row_begin(struct qf_buf *row, const char *what); /* row is not initialised before; what goes into QF_F_EVENT */
void qf_row_end(struct qf_buf *payload, struct qf_buf *row); /* appends the row and frees it */
/* The next one; false at the end and, with r->err set, when it is malformed. */
bool qf_row_next(struct qf_reader *r, struct qf_msg *ret);

#endif
