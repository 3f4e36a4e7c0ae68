/*
 * Time zones by name, as PostgreSQL's SET TIME ZONE reads them [PG SET; PG B.5]:
 *
 *   a number of hours		5, -3.5, +02		positive is EAST of Greenwich
 *   INTERVAL '±hh:mm[:ss]'	INTERVAL '-08:00'	positive is EAST
 *   a name of tzdata		Europe/Paris, utc	letter case does not matter; SHOW gives tzdata's spelling
 *   a POSIX string		EST5EDT,M3.2.0,M11.1.0	positive is WEST; "+05:30" is one, without a name: 5:30 WEST
 *
 * Files come from $TZDIR or /usr/share/zoneinfo. A name is a path below it of letters, digits, '_', '+', '-' and '/':
 * it cannot leave the directory, and what it leads to must be a regular file in TZif format.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qf/types.h"
#include "tzfile.h"

enum {
	MAX_NAME = 128,
	MAX_FILE = 256 * 1024,
	MAX_HOURS = 167,
};

struct qf_tz {
	struct qf_tz_table table;
	char name[2 * MAX_NAME];
};

static const char *const builtin[] = { "UTC", "GMT", "Etc/UTC", "Etc/GMT" };

static void set_fixed(struct qf_tz *tz, int32_t offset)
{
	tz->table.has_rule = true;
	tz->table.rule = (struct qf_tz_rule){ .standard = offset };
}

/* PostgreSQL's name for a fixed offset: a POSIX string that has the offset for its abbreviation, <+05:30>-05:30. */
static void name_fixed(struct qf_tz *tz, int32_t offset)
{
	unsigned abs = (unsigned)(offset < 0 ? -offset : offset);
	char text[16];
	int n = snprintf(text, sizeof(text), "%02u", abs / 3600);

	if (abs % 3600)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ":%02u", abs / 60 % 60);
	if (abs % 60)
		snprintf(text + n, sizeof(text) - (size_t)n, ":%02u", abs % 60);
	snprintf(tz->name, sizeof(tz->name), "<%c%s>%c%s", offset < 0 ? '-' : '+', text, offset < 0 ? '+' : '-', text);
}

/* 0 when the text is no number, 1 when it is one of hours, -EINVAL when that is too many. */
static int parse_hours(const char *name, int32_t *ret)
{
	char *end;
	double hours = strtod(name, &end);

	if (end == name || *end)
		return 0;
	if (!(hours >= -MAX_HOURS && hours <= MAX_HOURS))
		return -EINVAL;
	*ret = (int32_t)(hours * 3600);
	return 1;
}

static bool parse_interval(const char *name, int32_t *ret)
{
	if (strncasecmp(name, "interval", 8) != 0)
		return false;
	name += 8 + strspn(name + 8, " \t");
	if (*name++ != '\'')
		return false;
	struct qf_reader r = qf_reader(qf_slice_str(name));

	return qf_tz_parse_seconds(&r, ret) && strchr(name, ':') && r.n >= 1 && r.p[0] == '\'' &&
	       strspn((const char *)r.p + 1, " \tabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == r.n - 1;
}

static bool is_path(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/");

	return n && n < MAX_NAME && !name[n] && name[0] != '/' && name[n - 1] != '/' && !strstr(name, "//");
}

static const char *zone_directory(void)
{
	const char *dir = getenv("TZDIR");

	return dir && *dir == '/' ? dir : "/usr/share/zoneinfo";
}

/* Replaces the n bytes at `part` by the entry of the directory that is equal but for letter case. */
static bool fix_case(int dir, char *part, size_t n)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	bool found = false;

	if (!d) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	for (struct dirent *e = readdir(d); e && !found; e = readdir(d)) {
		found = strlen(e->d_name) == n && strncasecmp(e->d_name, part, n) == 0;
		if (found)
			memcpy(part, e->d_name, n);
	}
	closedir(d);
	return found;
}

/* Opens a file by a path in any letter case and puts right the path. Takes over the directory `at`. */
static int open_any_case(int at, char *path)
{
	for (char *part = path; at >= 0;) {
		size_t n = strcspn(part, "/");
		bool last = !part[n];

		if (!fix_case(at, part, n))
			break;
		part[n] = 0;
		int next = openat(at, part, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (last ? 0 : O_DIRECTORY));

		close(at);
		if (last)
			return next;
		part[n] = '/';
		part += n + 1;
		at = next;
	}
	if (at >= 0)
		close(at);
	return -1;
}

static int open_zone(char *path)
{
	int dir = open(zone_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -1;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return open_any_case(dir, path);
	close(dir);
	return fd;
}

static int read_zone(int fd, struct qf_buf *b)
{
	struct stat st;
	ssize_t got = 1;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE)
		return -EINVAL;
	while (got > 0 && b->n <= MAX_FILE) {
		got = read(fd, qf_buf_reserve(b, 8192), 8192);
		if (got > 0)
			b->n += (size_t)got;
	}
	return got < 0 ? -errno : 0;
}

/* 0, -ENOENT when there is no such zone, or what is wrong with its file. */
static int load_zone(struct qf_tz *tz, const char *name, struct qf_err *reterr)
{
	struct qf_buf file;

	if (!is_path(name))
		return -ENOENT;
	snprintf(tz->name, sizeof(tz->name), "%s", name);
	int fd = open_zone(tz->name);

	if (fd < 0)
		return -ENOENT;
	qf_buf_init(&file);
	int r = read_zone(fd, &file);

	if (r == 0)
		r = qf_tz_table_parse(&tz->table, qf_buf_slice(&file), reterr);
	else
		r = -ENOENT;
	qf_buf_fini(&file);
	close(fd);
	return r;
}

static bool load_builtin(struct qf_tz *tz, const char *name)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		if (strcasecmp(name, builtin[i]) != 0)
			continue;
		set_fixed(tz, 0);
		snprintf(tz->name, sizeof(tz->name), "%s", builtin[i]);
		return true;
	}
	return false;
}

static bool load_posix(struct qf_tz *tz, const char *name)
{
	if (!qf_tz_rule_parse(&tz->table.rule, qf_slice_str(name)))
		return false;
	tz->table.has_rule = true;
	for (size_t i = 0; i <= strlen(name); i++)
		tz->name[i] = (char)toupper((unsigned char)name[i]);
	return true;
}

static int load(struct qf_tz *tz, const char *name, struct qf_err *reterr)
{
	int32_t offset;
	int r = parse_hours(name, &offset);

	if (r == 0)
		r = parse_interval(name, &offset);
	if (r > 0) {
		set_fixed(tz, offset);
		name_fixed(tz, offset);
		return 0;
	}
	if (r == 0 && load_builtin(tz, name))
		return 0;
	if (r == 0)
		r = load_zone(tz, name, reterr);
	if (r == -ENOENT && load_posix(tz, name))
		return 0;
	return r == -ENOENT || r == -EINVAL ? qf_err_set(reterr, -EINVAL, "time zone not recognized") : r;
}

int qf_tz_open(struct qf_tz **ret, const char *name, struct qf_err *reterr)
{
	struct qf_tz *tz = qf_xcalloc(1, sizeof(*tz));
	int r;

	if (strlen(name) < MAX_NAME)
		r = load(tz, name, reterr);
	else
		r = qf_err_set(reterr, -EINVAL, "a time zone name of more than %d bytes", MAX_NAME - 1);
	if (r < 0) {
		qf_tz_free(tz);
		return r;
	}
	*ret = tz;
	return 0;
}

struct qf_tz *qf_tz_free(struct qf_tz *tz)
{
	if (!tz)
		return NULL;
	qf_tz_table_fini(&tz->table);
	free(tz);
	return NULL;
}

int32_t qf_tz_offset(const struct qf_tz *tz, int64_t unix_seconds)
{
	return qf_tz_table_offset(&tz->table, unix_seconds);
}

const char *qf_tz_name(const struct qf_tz *tz)
{
	return tz->name;
}
