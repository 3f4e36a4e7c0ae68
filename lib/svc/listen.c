/* Listening sockets: taken by name from the service manager, else bound here. */
#include "private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define MAX_PASSED 64

static uint64_t taken; /* which of the passed descriptors were asked for, by their place */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

static void free_names(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

int svc_passed_socket(const char *fd_name)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names), fd = -1;

	for (int i = 0; i < n && i < MAX_PASSED; i++) {
		if (strcmp(names[i], fd_name) != 0)
			continue;
		fd = SD_LISTEN_FDS_START + i;
		taken |= UINT64_C(1) << i;
	}
	free_names(names, n);
	return fd;
}

void svc_warn_unused_sockets(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names);

	for (int i = 0; i < n && i < MAX_PASSED; i++)
		if (!(taken & UINT64_C(1) << i))
			qf_warn("the socket \"%s\" was passed, but the configuration does not enable it: clients wait there for "
				"ever; mask its unit",
				names[i]);
	free_names(names, n);
}

static bool is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	if (a->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
	return a->any.sa_family == AF_UNIX;
}

static bool names_loopback(const char *address)
{
	union address a = { .v4.sin_family = AF_INET };

	if (inet_pton(AF_INET, address, &a.v4.sin_addr) == 1)
		return is_loopback(&a);
	a.v6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, address, &a.v6.sin6_addr) == 1 && is_loopback(&a);
}

/* systemd.exec(5): not one whose parent it started. */
bool svc_started_by_manager(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && atol(pid) == (long)getpid();
}

int svc_check_stream(int fd, int family, struct qf_err *reterr)
{
	if (sd_is_socket(fd, family, SOCK_STREAM, 1) <= 0)
		return qf_err_set(reterr, QF_ECONFIG, "what the service manager passed is not a listening stream socket");
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return qf_err_set(reterr, -errno, "fcntl: %s", strerror(errno));
	return 0;
}

/* Its address may be another than that of the configuration, as long as no more machines reach it. */
static int check_passed(int fd, const char *address, uint16_t port, struct qf_err *reterr)
{
	union address a = { 0 };
	socklen_t n = sizeof a;
	uint16_t has;
	int rc = svc_check_stream(fd, AF_UNSPEC, reterr);

	if (rc < 0)
		return rc;
	if (getsockname(fd, &a.any, &n) < 0)
		return qf_err_set(reterr, -errno, "getsockname: %s", strerror(errno));
	if (!is_loopback(&a) && names_loopback(address))
		return qf_err_set(reterr, QF_ECONFIG,
				  "the socket that the service manager passed can be reached by other machines, but the "
				  "address here is %s; write the wider one here too",
				  address);
	has = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
	if (a.any.sa_family != AF_UNIX && has != port && svc_started_by_manager()) /* `qf-admin up` moves ports */
		qf_warn("port %u is that of the socket unit; port %u of the configuration is not opened", has, port);
	return 0;
}

static int bind_socket(const char *address, uint16_t port, struct qf_err *reterr)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *ai;
	char service[8];
	int fd, one = 1, rc;

	snprintf(service, sizeof service, "%u", port);
	rc = getaddrinfo(address, service, &hints, &ai);
	if (rc)
		return qf_err_set(reterr, QF_ECONFIG, "address \"%s\": %s", address, gai_strerror(rc));
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 4096) < 0) {
		rc = qf_err_set(reterr, -errno, "%s port %u: %s", address, port, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = rc;
	}
	freeaddrinfo(ai);
	return fd;
}

int qf_run_listen(struct qf_run *run, const char *fd_name, const char *address, uint16_t port, int *ret_fd,
		  struct qf_err *reterr)
{
	int fd = svc_passed_socket(fd_name), rc = 0;

	(void)run;
	if (fd >= 0)
		rc = check_passed(fd, address, port, reterr);
	else
		rc = fd = bind_socket(address, port, reterr);
	if (rc < 0)
		return rc;
	*ret_fd = fd;
	return 0;
}
