/* Names for completions: those of the tables, and those that the configuration gives. */
#include "private.h"

#include <stdio.h>
#include <string.h>

static void dialects(const struct qf_conf *conf)
{
	(void)conf;
	for (const char *const *n = qf_dialect_names(); *n; n++)
		puts(*n);
}

static void protocols(const struct qf_conf *conf)
{
	(void)conf;
	for (int i = 0; i < QF_FE_N; i++)
		puts(qf_frontend_name((enum qf_frontend)i));
	for (int i = 0; i < QF_FE_N; i++)
		puts(qf_frontend_short((enum qf_frontend)i));
}

static void clusters(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->n_clusters; i++)
		puts(conf->clusters[i].name);
}

static void groups(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->n_groups; i++)
		puts(conf->groups[i].name);
}

static const struct {
	const char *kind;
	bool configured;
	void (*print)(const struct qf_conf *conf);
} kinds[] = {
	{ "dialects", false, dialects },
	{ "protocols", false, protocols },
	{ "clusters", true, clusters },
	{ "groups", true, groups },
};

int svc_dump_names(const char *kind, const char *conf_path)
{
	struct qf_conf *conf = NULL;
	struct qf_err err;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kind, kinds[i].kind) != 0)
			continue;
		if (kinds[i].configured && qf_conf_load(&conf, conf_path, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return QF_EXIT_USAGE;
		}
		kinds[i].print(conf);
		qf_conf_free(conf);
		return QF_EXIT_OK;
	}
	fprintf(stderr, "--dump-names \"%s\": it is one of dialects, protocols, clusters, groups\n", kind);
	return QF_EXIT_USAGE;
}
