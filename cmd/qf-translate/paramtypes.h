/* The types of parameters on the command line. */
#ifndef PARAMTYPES_H
#define PARAMTYPES_H

#include "qf/buf.h"

/*
 * Replaces what is in the buffer by the oids of a list of names separated by commas, as u32. Names are those of
 * PostgreSQL, long or short, or oids; 0 stands for one that is not declared. NULL, or the place of a name that is none.
 */
const char *paramtypes_read(struct qf_buf *types, const char *list);

#endif
