/* ${VAR} and ${VAR:-default} inside scalars; $${ stands for a literal ${. */
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "qf/str.h"

/* The place of the nth "${" between two character offsets, as the scalar stands in the file. */
static struct qf_conf_place nth_place(
	struct qf_loader *ld, const struct qf_node *node, size_t from, size_t to, unsigned nth)
{
	struct qf_conf_place place = node->place;
	size_t chars = 0;

	for (size_t i = 0; i + 1 < ld->text.n && chars < to; i++) {
		if ((ld->text.p[i] & 0xc0) == 0x80)
			continue;
		if (chars++ < from || ld->text.p[i] != '$' || ld->text.p[i + 1] != '{')
			continue;
		if (nth-- == 0) {
			qf_text_place(ld->text, i, &place.line, &place.column);
			break;
		}
	}
	return place;
}

static bool name_ok(struct qf_slice s)
{
	if (s.n == 0 || (s.p[0] >= '0' && s.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789", s.p[i]) == NULL)
			return false;
	return true;
}

static int expand_one(struct qf_loader *ld, struct qf_conf_place at, struct qf_slice body, struct qf_buf *out)
{
	const uint8_t *colon = memmem(body.p, body.n, ":-", 2);
	struct qf_slice name = qf_slice(body.p, colon != NULL ? (size_t)(colon - body.p) : body.n);
	const char *key, *value;

	if (!name_ok(name))
		return qf_loader_fail(ld, at,
			"\"${%.*s}\" is no variable; write ${NAME} or ${NAME:-default}, or $${ for a literal ${",
			(int)(body.n < 60 ? body.n : 60), (const char *)body.p);
	key = qf_arena_strndup(ld->arena, name.p, name.n);
	value = getenv(key);
	if (value == NULL && strcmp(key, "QF_STATE_DIR") == 0)
		value = ld->conf->state_dir;
	if (value != NULL) {
		if (!qf_utf8_valid(qf_slice_str(value)))
			return qf_loader_fail(ld, at, "the value of the environment variable %s is not UTF-8", key);
		qf_buf_add_str(out, value);
	} else if (colon != NULL) {
		qf_buf_add(out, colon + 2, body.n - name.n - 2);
	} else {
		return qf_loader_fail(
			ld, at, "the environment variable %s is not set; set it, or write ${%s:-default}", key, key);
	}
	return out->n <= QF_DOC_MAX_BYTES ? 0
					  : qf_loader_fail(ld, at, "the variables make this value longer than 4 MiB");
}

static int expand_all(struct qf_loader *ld, struct qf_node *node, size_t from, size_t to, struct qf_buf *out)
{
	struct qf_slice in = qf_slice(node->text, node->len);
	const uint8_t *open, *close;
	unsigned nth = 0;
	int rc;

	while ((open = memmem(in.p, in.n, "${", 2)) != NULL) {
		size_t before = (size_t)(open - in.p), left = in.n - before - 2;

		if (before > 0 && open[-1] == '$') {
			qf_buf_add(out, in.p, before - 1);
			qf_buf_add_str(out, "${");
			in = qf_slice(open + 2, left);
			nth++;
			continue;
		}
		qf_buf_add(out, in.p, before);
		close = memchr(open + 2, '}', left);
		if (close == NULL)
			return qf_loader_fail(ld, nth_place(ld, node, from, to, nth),
				"\"${\" without \"}\"; write $${ for a literal ${");
		rc = expand_one(
			ld, nth_place(ld, node, from, to, nth), qf_slice(open + 2, (size_t)(close - open - 2)), out);
		if (rc != 0)
			return rc;
		node->expanded = true;
		in = qf_slice(close + 1, left - (size_t)(close - open - 2) - 1);
		nth++;
	}
	qf_buf_add_slice(out, in);
	return 0;
}

int qf_doc_expand(struct qf_loader *ld, struct qf_node *node, size_t from, size_t to)
{
	struct qf_buf out;
	int rc;

	if (memmem(node->text, node->len, "${", 2) == NULL)
		return 0;
	qf_buf_init(&out);
	rc = expand_all(ld, node, from, to, &out);
	if (rc == 0) {
		node->text = qf_arena_strndup(ld->arena, out.p, out.n);
		node->len = out.n;
	}
	qf_buf_fini(&out);
	return rc;
}
