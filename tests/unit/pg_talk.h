/*
 * Messages of the extended protocol from lines of text, for a test's table:
 *
 *	P name oid,oid|text	Parse		B portal name f0,1 v1,~,x r1	Bind: formats, values, formats of columns
 *	D S name	Describe	E portal rows	Execute		C P name	Close		H	S
 *	Q text		d data		c		f text		X
 *
 * `-` is no name; the lists of Bind and the oids of Parse may be left out. Lines are separated by "\n".
 */
#ifndef QF_TESTS_PG_TALK_H
#define QF_TESTS_PG_TALK_H

#include <stdlib.h>
#include <string.h>

#include "qf/proto/postgres.h"

static inline const char *talk_name(char *word)
{
	return word && strcmp(word, "-") != 0 ? word : "";
}

static inline uint16_t talk_numbers(char *list, uint16_t *ret, uint32_t *ret_long)
{
	char *save = NULL;
	uint16_t n = 0;

	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save), n++) {
		if (ret)
			ret[n] = (uint16_t)strtoul(w, NULL, 10);
		if (ret_long)
			ret_long[n] = (uint32_t)strtoul(w, NULL, 10);
	}
	return n;
}

static inline void talk_parse(struct qf_buf *b, char *rest)
{
	char *text = strchr(rest, '|'), *save = NULL;
	uint32_t oids[64];

	*text++ = 0;
	char *name = strtok_r(rest, " ", &save), *types = strtok_r(NULL, " ", &save);
	uint16_t n = types ? talk_numbers(types, NULL, oids) : 0;

	qf_pg_put_parse(b, talk_name(name), qf_slice_str(text), oids, n);
}

static inline void talk_bind(struct qf_buf *b, char *rest)
{
	char *save = NULL, *save2 = NULL, *values[64];
	uint16_t given[64], wanted[64], n_given = 0, n_wanted = 0, n = 0;
	const char *portal = talk_name(strtok_r(rest, " ", &save)), *name = talk_name(strtok_r(NULL, " ", &save));

	for (char *w = strtok_r(NULL, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (*w == 'f')
			n_given = talk_numbers(w + 1, given, NULL);
		if (*w == 'r')
			n_wanted = talk_numbers(w + 1, wanted, NULL);
		for (char *v = *w == 'v' ? strtok_r(w + 1, ",", &save2) : NULL; v; v = strtok_r(NULL, ",", &save2))
			values[n++] = v;
	}
	qf_buf_u8(b, 'B');
	size_t at = b->n;

	qf_buf_u32(b, 0);
	qf_buf_add(b, portal, strlen(portal) + 1);
	qf_buf_add(b, name, strlen(name) + 1);
	qf_buf_u16(b, n_given);
	for (uint16_t i = 0; i < n_given; i++)
		qf_buf_u16(b, given[i]);
	qf_buf_u16(b, n);
	for (uint16_t i = 0; i < n; i++)
		qf_pg_add_value(b, strcmp(values[i], "~") ? values[i] : NULL, (uint32_t)strlen(values[i]));
	qf_buf_u16(b, n_wanted);
	for (uint16_t i = 0; i < n_wanted; i++)
		qf_buf_u16(b, wanted[i]);
	qf_pg_end_message(b, at);
}

static inline void talk_raw(struct qf_buf *b, char kind, const char *body, size_t n)
{
	qf_buf_u8(b, (uint8_t)kind);
	qf_buf_u32(b, (uint32_t)n + 4);
	qf_buf_add(b, body, n);
}

static inline void talk_line(struct qf_buf *b, char *line)
{
	char kind = *line, *rest = line[1] ? line + 2 : line + 1, *save = NULL, *word;

	switch (kind) {
	case 'P':
		talk_parse(b, rest);
		break;
	case 'B':
		talk_bind(b, rest);
		break;
	case 'D':
	case 'C':
		word = strtok_r(rest, " ", &save);
		(kind == 'D' ? qf_pg_put_describe : qf_pg_put_close)(b, *word, talk_name(strtok_r(NULL, " ", &save)));
		break;
	case 'E':
		word = strtok_r(rest, " ", &save);
		rest = strtok_r(NULL, " ", &save);
		qf_pg_put_execute(b, talk_name(word), rest ? (uint32_t)strtoul(rest, NULL, 10) : 0);
		break;
	case 'Q':
	case 'f':
		talk_raw(b, kind, rest, strlen(rest) + 1);
		break;
	default:
		talk_raw(b, kind, rest, strlen(rest));
		break;
	}
}

/* Appends all lines; returns how many ReadyForQuery they ask for, if nothing of it is a COPY. */
static inline unsigned talk_lines(struct qf_buf *b, const char *lines)
{
	char *copy = qf_xstrdup(lines), *save = NULL;
	unsigned ready = 0;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		ready += *line == 'S' || *line == 'Q';
		talk_line(b, line);
	}
	free(copy);
	return ready;
}

#endif
