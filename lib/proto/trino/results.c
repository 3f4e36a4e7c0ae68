/* The JSON of a page [io.trino.client.QueryResults]. See qf/proto/trino.h. */
#include <string.h>

#include "qf/clock.h"
#include "qf/proto/trino.h"
#include "qf/str.h"

static const char digits[] = "0123456789abcdef";

static void put_escaped(struct qf_buf *out, uint8_t c)
{
	static const char *const shorter[32] = { ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
		['\r'] = "\\r" };

	if (c == '"' || c == '\\') {
		qf_buf_u8(out, '\\');
		qf_buf_u8(out, c);
	} else if (shorter[c]) {
		qf_buf_add_str(out, shorter[c]);
	} else {
		qf_buf_add_str(out, "\\u00");
		qf_buf_u8(out, (uint8_t)digits[c >> 4]);
		qf_buf_u8(out, (uint8_t)digits[c & 15]);
	}
}

static void put_text(struct qf_buf *out, struct qf_slice s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 0x20 && s.p[i] != '"' && s.p[i] != '\\')
			continue;
		qf_buf_add(out, s.p + from, i - from);
		put_escaped(out, s.p[i]);
		from = i + 1;
	}
	qf_buf_add(out, s.p + from, s.n - from);
}

void qf_trino_put_string(struct qf_buf *out, struct qf_slice s)
{
	qf_buf_u8(out, '"');
	while (s.n > 0) {
		size_t good = qf_utf8_bad_at(s);

		put_text(out, qf_slice(s.p, good));
		if (good == s.n)
			break;
		qf_buf_add_str(out, "\xef\xbf\xbd");
		s = qf_slice(s.p + good + 1, s.n - good - 1);
	}
	qf_buf_u8(out, '"');
}

static void put_str(struct qf_buf *out, const char *s)
{
	qf_trino_put_string(out, qf_slice_str(s));
}

static void put_u64(struct qf_buf *out, const char *name, uint64_t v)
{
	char number[21];

	qf_buf_add_str(out, name);
	qf_decimal(number, v);
	qf_buf_add_str(out, number);
}

void qf_trino_put_column(struct qf_buf *out, const char *name, const char *type)
{
	qf_buf_add_str(out, "{\"name\":");
	put_str(out, name);
	qf_buf_add_str(out, ",\"type\":");
	put_str(out, type);
	qf_buf_add_str(out, ",\"typeSignature\":{\"rawType\":");
	put_str(out, type);
	qf_buf_add_str(out, ",\"arguments\":[");
	if (strcmp(type, "varchar") == 0)
		qf_buf_add_str(out, "{\"kind\":\"LONG\",\"value\":2147483647}");
	qf_buf_add_str(out, "]}}");
}

void qf_trino_put_warning(struct qf_buf *out, uint32_t number, const char *name, const char *message)
{
	qf_buf_printf(out, "%s{\"warningCode\":{\"code\":%u,\"name\":", out->n ? "," : "", number);
	put_str(out, name);
	qf_buf_add_str(out, "},\"message\":");
	put_str(out, message);
	qf_buf_u8(out, '}');
}

/* ---- the parts of a page ----------------------------------------------------------------------------- */

void qf_trino_page_begin(struct qf_buf *out, const char *id, struct qf_slice columns)
{
	qf_buf_add_str(out, "{\"id\":");
	put_str(out, id);
	if (columns.n > 0) {
		qf_buf_add_str(out, ",\"columns\":");
		qf_buf_add_slice(out, columns);
	}
}

void qf_trino_page_row(struct qf_buf *out, uint64_t row)
{
	if (row > 0)
		qf_buf_u8(out, ',');
	else
		qf_buf_add_str(out, ",\"data\":[");
}

static void put_links(struct qf_buf *out, const struct qf_trino_links *l)
{
	qf_buf_add_str(out, ",\"infoUri\":\"");
	put_text(out, qf_slice_str(l->base));
	qf_buf_printf(out, "/ui/query.html?%s\"", l->id);
	if (!l->has_next)
		return;
	qf_buf_add_str(out, ",\"nextUri\":\"");
	put_text(out, qf_slice_str(l->base));
	qf_buf_printf(out, "/v1/statement/qf/%s/%s/%s/", l->queued ? "queued" : "executing", l->id, l->slug);
	put_u64(out, "", l->next);
	qf_buf_u8(out, '"');
}

/* One split that is queued, running or done stands for the whole: clients show it and count nothing on it. */
static void put_stats(struct qf_buf *out, const struct qf_trino_stats *s)
{
	bool queued = strcmp(s->state, "QUEUED") == 0, running = strcmp(s->state, "RUNNING") == 0;
	bool done = strcmp(s->state, "FINISHED") == 0;

	qf_buf_printf(out,
		",\"stats\":{\"state\":\"%s\",\"queued\":%s,\"scheduled\":%s,\"progressPercentage\":%s,"
		"\"runningPercentage\":%s,\"nodes\":%d,\"totalSplits\":%d,\"queuedSplits\":%d,\"runningSplits\":%d,"
		"\"completedSplits\":%d,\"cpuTimeMillis\":0",
		s->state, queued ? "true" : "false", queued ? "false" : "true", done ? "100.0" : "0.0",
		running ? "100.0" : "0.0", queued ? 0 : 1, queued ? 0 : 1, 0, running, done);
	put_u64(out, ",\"wallTimeMillis\":", s->elapsed_ms - (s->queued_ms < s->elapsed_ms ? s->queued_ms : s->elapsed_ms));
	put_u64(out, ",\"queuedTimeMillis\":", s->queued_ms);
	put_u64(out, ",\"elapsedTimeMillis\":", s->elapsed_ms);
	put_u64(out, ",\"processedRows\":", s->rows);
	put_u64(out, ",\"processedBytes\":", s->bytes);
	put_u64(out, ",\"physicalInputBytes\":", 0);
	put_u64(out, ",\"physicalWrittenBytes\":", 0);
	put_u64(out, ",\"peakMemoryBytes\":", s->peak_bytes);
	put_u64(out, ",\"spilledBytes\":", 0);
	qf_buf_u8(out, '}');
}

static void put_location(struct qf_buf *out, const struct qf_trino_error *e)
{
	if (e->line > 0)
		qf_buf_printf(out, ",\"errorLocation\":{\"lineNumber\":%u,\"columnNumber\":%u}", e->line, e->column);
}

/* "line 1:8: …", as Trino writes what has a place. */
static void put_message(struct qf_buf *out, const struct qf_trino_error *e)
{
	struct qf_buf text;

	qf_buf_init(&text);
	if (e->line > 0)
		qf_buf_printf(&text, "line %u:%u: ", e->line, e->column);
	qf_buf_add_str(&text, e->message);
	qf_trino_put_string(out, qf_buf_slice(&text));
	qf_buf_fini(&text);
}

/* [io.trino.client.QueryError, FailureInfo] */
static void put_error(struct qf_buf *out, const struct qf_trino_error *e)
{
	const struct qf_trino_code_info *code = qf_trino_code_info(e->code);

	qf_buf_add_str(out, ",\"error\":{\"message\":");
	put_message(out, e);
	if (e->sqlstate) {
		qf_buf_add_str(out, ",\"sqlState\":");
		put_str(out, e->sqlstate);
	}
	qf_buf_printf(out, ",\"errorCode\":%u,\"errorName\":\"%s\",\"errorType\":\"%s\"", code->number, code->name,
		code->type);
	put_location(out, e);
	qf_buf_printf(out, ",\"failureInfo\":{\"type\":\"%s\",\"message\":",
		e->code == QF_TRINO_SYNTAX_ERROR ? "io.trino.sql.parser.ParsingException" : "io.trino.spi.TrinoException");
	put_message(out, e);
	qf_buf_add_str(out, ",\"suppressed\":[],\"stack\":[]");
	put_location(out, e);
	qf_buf_add_str(out, "}}");
}

void qf_trino_page_end(struct qf_buf *out, uint64_t rows, const struct qf_trino_tail *tail)
{
	if (rows > 0)
		qf_buf_u8(out, ']');
	put_links(out, &tail->links);
	put_stats(out, &tail->stats);
	if (tail->error)
		put_error(out, tail->error);
	qf_buf_add_str(out, ",\"warnings\":[");
	qf_buf_add_slice(out, tail->warnings);
	qf_buf_u8(out, ']');
	if (tail->update_type) {
		qf_buf_add_str(out, ",\"updateType\":");
		put_str(out, tail->update_type);
	}
	if (tail->has_update_count)
		put_u64(out, ",\"updateCount\":", tail->update_count);
	qf_buf_u8(out, '}');
}

/* [io.trino.client.ServerInfo]; uptime is a Duration with two decimals. */
void qf_trino_put_info(struct qf_buf *out, const char *version, uint64_t uptime_ns, bool starting)
{
	double seconds = (double)uptime_ns / (double)QF_SEC;
	double value = seconds < 60 ? seconds : seconds < 3600 ? seconds / 60 : seconds < 86400 ? seconds / 3600 :
										 seconds / 86400;
	const char *unit = seconds < 60 ? "s" : seconds < 3600 ? "m" : seconds < 86400 ? "h" : "d";

	qf_buf_add_str(out, "{\"nodeVersion\":{\"version\":");
	put_str(out, version);
	qf_buf_printf(out, "},\"environment\":\"queryflux\",\"coordinator\":true,\"starting\":%s,\"uptime\":\"%.2f%s\"}",
		starting ? "true" : "false", value, unit);
}
