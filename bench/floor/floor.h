/* The floor: what the machine, and CPython with the least of an engine, cost at best.
 *
 * Everything works over a connected socket given by its descriptor. raw.c moves bytes in C loops
 * that give up the GIL once. link.c is the least that a call from Python to Python can be: look the
 * method up, encode, send, receive, decode, call, and the same back; nested calls, attributes and
 * calls in flight, because those are measured too. It has no policy, no references, no exception
 * types, no threads and no limits, and trusts its peer: a measure, not a product.
 */
#ifndef SINEW_BENCH_FLOOR_H
#define SINEW_BENCH_FLOOR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Returns 0, or -1 with errno set. */
int send_all(int fd, const char* data, size_t size);

/* Returns what recv() does, but never fails with EINTR. */
ssize_t receive_some(int fd, char* data, size_t size);

/* Sets the exception for errno; 0 is the end of the stream. */
PyObject* raise_socket_error(void);

extern PyMethodDef raw_functions[];

/* Adds the class `Link`. Returns 0, or -1 with an exception set. */
int add_link_type(PyObject* module);

#endif
