/*
 * Intrusive doubly linked list with a head. An entry that is in no list points to itself, so removing
 * twice is harmless. No ownership: the structures that embed the entries own themselves.
 */
#ifndef QF_LIST_H
#define QF_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qf_list {
	struct qf_list *prev, *next;
};

#define qf_container_of(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

static inline void qf_list_init(struct qf_list *l)
{
	l->prev = l->next = l;
}

static inline bool qf_list_empty(const struct qf_list *l)
{
	return l->next == l;
}

static inline void qf_list_append(struct qf_list *head, struct qf_list *e)
{
	e->prev = head->prev;
	e->next = head;
	head->prev->next = e;
	head->prev = e;
}

static inline void qf_list_remove(struct qf_list *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	qf_list_init(e);
}

/* The loop body may remove and free the current entry. */
#define qf_list_each(it, tmp, head) \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); (it) = (tmp), (tmp) = (it)->next)

#endif
