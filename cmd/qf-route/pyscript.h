/* The worker process of the scripts: `qf-route --worker`. See pyscript.c. */
#ifndef QF_ROUTE_PYSCRIPT_H
#define QF_ROUTE_PYSCRIPT_H

/* Never returns to other work of the program: the exit status. */
int qf_pyscript_main(void);

#endif
