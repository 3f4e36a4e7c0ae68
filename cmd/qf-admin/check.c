/* `qf-admin check-config`: a configuration as every program would read it, with all that it warns of. */
#include "admin.h"

#include <jansson.h>
#include <stdio.h>

static const char *name_of(const char *file)
{
	return file ? file : "embedded default";
}

static void print_json(const char *file, const struct qf_conf *conf, const char *error)
{
	json_t *o = json_object(), *warnings = json_array();
	char id[17];

	for (size_t i = 0; conf && i < conf->n_warnings; i++) {
		const struct qf_conf_warning *w = &conf->warnings[i];

		json_array_append_new(warnings, json_pack("{s:i,s:i,s:s}", "line", (int)w->place.line, "column",
							  (int)w->place.column, "text", w->text));
	}
	json_object_set_new(o, "file", file ? json_string(file) : json_null());
	json_object_set_new(o, "good", json_boolean(conf != NULL));
	if (conf) {
		snprintf(id, sizeof id, "%016llx", (unsigned long long)conf->id);
		json_object_set_new(o, "id", json_string(id));
	} else {
		json_object_set_new(o, "error", json_string(error));
	}
	json_object_set_new(o, "warnings", warnings);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

static void print_text(const char *file, const struct qf_conf *conf, const char *error)
{
	if (!conf) {
		fprintf(stderr, "qf-admin: %s\n", error);
		return;
	}
	for (size_t i = 0; i < conf->n_warnings; i++)
		fprintf(stderr, "%s:%u:%u: warning: %s\n", name_of(file), conf->warnings[i].place.line,
			conf->warnings[i].place.column, conf->warnings[i].text);
	printf("%s: configuration is good, id %016llx\n", name_of(file), (unsigned long long)conf->id);
}

int admin_check_config(void *ctx, struct qf_run *run, int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : run->conf_path;
	const struct admin *a = ctx;
	struct qf_conf *conf = NULL;
	struct qf_err err = { 0 };

	if (argc > 2) {
		fprintf(stderr, "qf-admin check-config: \"%s\" is one word too many; one file is checked\n", argv[2]);
		return QF_EXIT_USAGE;
	}
	if (qf_conf_load(&conf, file, &err) < 0)
		conf = NULL;
	else if (admin_check_scripts(conf, &err) < 0)
		conf = qf_conf_free(conf);
	(a->json ? print_json : print_text)(file, conf, err.text);
	if (!conf)
		return QF_EXIT_USAGE;
	qf_conf_free(conf);
	return QF_EXIT_OK;
}
