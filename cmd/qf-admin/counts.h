/*
 * What the events of the programs add up to: counters and histograms since this qf-admin started. Pure.
 *
 * Labels are bounded: names of groups, clusters and routers are those of the configuration, whatever an event
 * says; "other" stands for a name that is not in it, "none" for none.
 */
#ifndef QF_ADMIN_COUNTS_H
#define QF_ADMIN_COUNTS_H

#include "qf/conf.h"
#include "qf/msg.h"

struct counts;

struct counts *counts_new(const struct qf_conf *conf); /* borrowed until the next one is set */
void counts_set_conf(struct counts *c, const struct qf_conf *conf);
void counts_event(struct counts *c, const struct qf_msg *m);
void counts_write(const struct counts *c, struct qf_buf *out);
struct counts *counts_free(struct counts *c);

/* The configuration's own text of that name. */
const char *counts_group(const struct qf_conf *conf, struct qf_slice name);
const char *counts_cluster(const struct qf_conf *conf, struct qf_slice name);

#endif
