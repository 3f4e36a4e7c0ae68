/* The service: TRANSLATE from qf-dispatch, TRANSLATED back. See qf-protocol(7). */
#ifndef SERVICE_H
#define SERVICE_H

#include "qf/svc.h"
#include "translator.h"

struct service {
	struct qf_run *run;
	struct translator *tr;
	struct qf_list asks;
};

int service_setup(struct service *s, struct qf_run *run, struct qf_err *reterr);
int service_apply(struct service *s, const struct qf_conf *conf);
void service_on_translate(struct service *s, struct qf_peer *from, const struct qf_msg *m);
void service_on_peer(struct service *s, struct qf_peer *p, enum qf_peer_change change);
void service_teardown(struct service *s);

#endif
