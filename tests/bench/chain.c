/*
 * The bare chain: a direct connection, split over three processes that are joined by ZeroMQ as the toolkit's are, with
 * nothing in the hops: messages of a fixed size that nobody reads. Prints its port.
 *
 *	chain -c CONFIG DIR       in front of DuckDB: what `direct` does
 *	chain -p PORT [-2] DIR    in front of the PostgreSQL server there: bytes are passed on; -2 leaves route out
 *
 *	listen: DEALER ──► route: ROUTER  DEALER ──► dispatch: ROUTER  (the answer goes straight to listen's DEALER)
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <zmq.h>

#include "duck.h"
#include "relay.h"
#include "wire.h"

enum {
	MESSAGE = 300, /* like a QUERY of the toolkit with a short statement */
	HEADER = 12,   /* [u64 connection][u32 length] */
	BUDGET = 64,
};

static const char listen_id[] = "listen-0-1", route_id[] = "route-0-1";
static struct qf_loop *loop; /* of this process */
static const char *conf_path, *dir;
static uint16_t pg_port;
static bool two_hops;

/* ---- sockets, with the options that lib/bus sets ---- */

static void *open_socket(void *ctx, int type)
{
	void *s = zmq_socket(ctx, type);
	int linger = 0, hwm = 100000, ivl = 10, ivl_max = 100, one = 1;
	int64_t max = 17 << 20;

	qf_assert(s);
	zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(s, ZMQ_SNDHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(s, ZMQ_RCVHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof(max));
	zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &ivl, sizeof(ivl));
	zmq_setsockopt(s, ZMQ_RECONNECT_IVL_MAX, &ivl_max, sizeof(ivl_max));
	if (type == ZMQ_ROUTER) {
		zmq_setsockopt(s, ZMQ_ROUTER_MANDATORY, &one, sizeof(one));
		zmq_setsockopt(s, ZMQ_ROUTER_HANDOVER, &one, sizeof(one));
	}
	return s;
}

static void *bind_router(void *ctx, const char *name)
{
	void *s = open_socket(ctx, ZMQ_ROUTER);
	char *path = qf_xasprintf("ipc://%s/%s.sock", dir, name);

	if (zmq_bind(s, path) < 0) {
		fprintf(stderr, "chain: bind %s: %s\n", path, zmq_strerror(errno));
		exit(1);
	}
	free(path);
	return s;
}

static void *connect_dealer(void *ctx, const char *name, const char *id)
{
	void *s = open_socket(ctx, ZMQ_DEALER);
	char *path = qf_xasprintf("ipc://%s/%s.sock", dir, name);

	zmq_setsockopt(s, ZMQ_ROUTING_ID, id, strlen(id));
	qf_assert(zmq_connect(s, path) == 0);
	free(path);
	return s;
}

static void watch_socket(struct qf_zsource *z, void *socket, void (*fn)(struct qf_zsource *z))
{
	*z = (struct qf_zsource){ .socket = socket, .fn = fn };
	qf_assert(qf_zsource_add(loop, z) == 0);
}

static bool receive(void *socket, zmq_msg_t *part)
{
	zmq_msg_init(part);
	return zmq_msg_recv(part, socket, ZMQ_DONTWAIT) >= 0;
}

/* [connection][length][bytes], then whatever fills it up. */
static void send_bytes(struct qf_zsource *z, uint64_t id, struct qf_slice bytes)
{
	uint32_t n = (uint32_t)bytes.n;
	zmq_msg_t part;

	zmq_msg_init_size(&part, HEADER + bytes.n > MESSAGE ? HEADER + bytes.n : MESSAGE);
	uint8_t *p = zmq_msg_data(&part);

	memcpy(p, &id, sizeof(id));
	memcpy(p + sizeof(id), &n, sizeof(n));
	memcpy(p + HEADER, bytes.p, bytes.n);
	qf_assert(zmq_msg_send(&part, z->socket, ZMQ_DONTWAIT) >= 0);
	qf_zsource_used(loop, z);
}

static struct qf_slice read_bytes(zmq_msg_t *part, uint64_t *ret_id)
{
	const uint8_t *p = zmq_msg_data(part);
	uint32_t n;

	qf_assert(zmq_msg_size(part) >= MESSAGE);
	memcpy(ret_id, p, sizeof(*ret_id));
	memcpy(&n, p + sizeof(*ret_id), sizeof(n));
	return qf_slice(p + HEADER, n);
}

/* ---- listen ---- */

struct listen {
	struct wire wire;
	struct qf_zsource zroute, zdispatch;
	bool greeted;
};

static void listen_pass_on(struct wire *w, struct wire_conn *c, struct qf_slice bytes)
{
	struct listen *l = qf_container_of(w, struct listen, wire);

	send_bytes(two_hops ? &l->zdispatch : &l->zroute, c->id, bytes);
}

/* The first message is dispatch's greeting: it knows the way back, clients may come. */
static void listen_begin(struct listen *l)
{
	struct qf_err err;

	l->greeted = true;
	if (wire_listen(&l->wire, &err) < 0) {
		fprintf(stderr, "chain: %s\n", err.text);
		exit(1);
	}
}

static void listen_on_answer(struct qf_zsource *z)
{
	struct listen *l = qf_container_of(z, struct listen, zdispatch);
	zmq_msg_t part;
	uint64_t id;

	for (int i = 0; i < BUDGET && receive(z->socket, &part); i++) {
		struct qf_slice bytes = read_bytes(&part, &id);
		struct wire_conn *c = NULL;

		if (l->greeted)
			c = wire_find(&l->wire, id);
		else
			listen_begin(l);
		if (c && bytes.n > 0) {
			qf_buf_add_slice(&c->out, bytes);
			wire_flush(c);
		} else if (c) {
			wire_close(c);
		}
		zmq_msg_close(&part);
	}
}

static void drop_all(struct qf_zsource *z)
{
	zmq_msg_t part;

	for (int i = 0; i < BUDGET && receive(z->socket, &part); i++)
		zmq_msg_close(&part);
}

static void listen_main(void *ctx)
{
	static struct listen l;

	l.wire.loop = loop;
	l.wire.on_query = pg_port ? NULL : listen_pass_on;
	l.wire.on_bytes = pg_port ? listen_pass_on : NULL;
	watch_socket(&l.zroute, connect_dealer(ctx, "route", listen_id), drop_all);
	watch_socket(&l.zdispatch, connect_dealer(ctx, "dispatch", listen_id), listen_on_answer);
	send_bytes(&l.zdispatch, 0, QF_SLICE_NONE);
}

/* ---- route ---- */

struct route {
	struct qf_zsource zrouter, zdispatch;
};

static void route_on_query(struct qf_zsource *z)
{
	struct route *r = qf_container_of(z, struct route, zrouter);
	zmq_msg_t id, part;

	for (int i = 0; i < BUDGET && receive(z->socket, &id); i++) {
		zmq_msg_close(&id);
		if (receive(z->socket, &part))
			qf_assert(zmq_msg_send(&part, r->zdispatch.socket, ZMQ_DONTWAIT) >= 0);
		qf_zsource_used(loop, &r->zdispatch);
	}
}

static void route_main(void *ctx)
{
	static struct route r;

	watch_socket(&r.zrouter, bind_router(ctx, "route"), route_on_query);
	watch_socket(&r.zdispatch, connect_dealer(ctx, "dispatch", route_id), drop_all);
}

/* ---- dispatch ---- */

struct dispatch {
	struct duck duck;
	struct relay relay;
	struct qf_zsource zrouter;
};

static void dispatch_answer(struct dispatch *d, uint64_t id, struct qf_slice bytes)
{
	qf_assert(zmq_send(d->zrouter.socket, listen_id, strlen(listen_id), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0);
	send_bytes(&d->zrouter, id, bytes);
}

static void dispatch_on_query(struct qf_zsource *z)
{
	struct dispatch *d = qf_container_of(z, struct dispatch, zrouter);
	zmq_msg_t from, part;
	uint64_t id;

	for (int i = 0; i < BUDGET && receive(z->socket, &from); i++) {
		zmq_msg_close(&from);
		if (!receive(z->socket, &part))
			continue;
		struct qf_slice bytes = read_bytes(&part, &id);

		if (id == 0)
			dispatch_answer(d, 0, QF_SLICE_NONE);
		else if (pg_port)
			relay_take(&d->relay, id, bytes);
		else
			duck_query(&d->duck, id, bytes);
		zmq_msg_close(&part);
	}
}

static void dispatch_on_output(struct duck *duck, struct duck_run *r, size_t batch)
{
	(void)duck;
	duck_more(r, batch);
}

static void dispatch_on_end(struct duck *duck, struct duck_run *r)
{
	dispatch_answer(duck->arg, r->id, qf_buf_slice(&r->out));
}

static void dispatch_on_bytes(struct relay *r, uint64_t id, struct qf_slice bytes)
{
	dispatch_answer(r->arg, id, bytes);
}

static void dispatch_main(void *ctx)
{
	static struct dispatch d;
	struct qf_err err;

	d.duck = (struct duck){ .loop = loop, .arg = &d, .on_output = dispatch_on_output, .on_end = dispatch_on_end };
	d.relay = (struct relay){ .loop = loop, .port = pg_port, .links = qf_map_new(), .arg = &d,
				  .on_bytes = dispatch_on_bytes };
	if (!pg_port && duck_open(&d.duck, conf_path, &err) < 0) {
		fprintf(stderr, "chain: %s\n", err.text);
		exit(1);
	}
	watch_socket(&d.zrouter, bind_router(ctx, "dispatch"), dispatch_on_query);
}

/* ---- three processes ---- */

static _Noreturn void run(const char *name)
{
	struct qf_err err;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, name);
	signal(SIGPIPE, SIG_IGN);
	if (qf_loop_new(&loop, &err) < 0)
		exit(1);
	void *ctx = zmq_ctx_new();

	if (!strcmp(name, "chain-listen"))
		listen_main(ctx);
	else if (!strcmp(name, "chain-route"))
		route_main(ctx);
	else
		dispatch_main(ctx);
	exit(qf_loop_run(loop) < 0);
}

static bool options(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "c:p:2")) >= 0;) {
		if (o == 'c')
			conf_path = optarg;
		else if (o == 'p')
			pg_port = (uint16_t)atoi(optarg);
		else if (o == '2')
			two_hops = true;
		else
			return false;
	}
	dir = argv[optind];
	return !conf_path == (pg_port > 0) && optind + 1 == argc;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "chain-dispatch", "chain-route", "chain-listen" };

	if (!options(argc, argv)) {
		fprintf(stderr, "usage: chain -c CONFIG | -p PORT [-2] DIR\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		pid_t pid = fork();

		if (pid == 0)
			run(names[i]);
		if (pid < 0)
			return 1;
	}
	/* One that ends ends all: the kernel tells the others when this process is gone. */
	return wait(NULL) < 0;
}
