/* The worker process: `qf-translate --worker`. See pyworker.c. */
#ifndef PYWORKER_H
#define PYWORKER_H

struct pysource {
	const char *module, *text;
};

/* In the order in which they need each other; ends with module NULL. */
extern const struct pysource pysources[];

/* Never returns to other work of the program: the exit status. warm may be NULL. */
int pyworker_main(const char *warm);

#endif
