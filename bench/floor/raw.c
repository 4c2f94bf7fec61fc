/* Bytes through a socket, and nothing else. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "floor.h"

/* ------------------------------------------------------------------------------------------------
 * Sockets
 */

int send_all(int fd, const char* data, size_t size) {
  while (size != 0) {
    ssize_t done = send(fd, data, size, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return -1;
    data += done;
    size -= (size_t)done;
  }
  return 0;
}

ssize_t receive_some(int fd, char* data, size_t size) {
  for (;;) {
    ssize_t done = recv(fd, data, size, 0);
    if (done >= 0 || errno != EINTR) return done;
  }
}

/* Returns 0, or -1 with errno set: 0 for the end of the stream. */
static int receive_all(int fd, char* data, size_t size) {
  while (size != 0) {
    ssize_t done = receive_some(fd, data, size);
    if (done == 0) errno = 0;
    if (done <= 0) return -1;
    data += done;
    size -= (size_t)done;
  }
  return 0;
}

PyObject* raise_socket_error(void) {
  if (errno != 0) return PyErr_SetFromErrno(PyExc_OSError);
  PyErr_SetString(PyExc_EOFError, "the peer closed the connection");
  return NULL;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Large blocks are bound by page faults: ask for huge pages, as any serious receiver does. */
static void advise_huge(char* data, size_t size) {
  const uintptr_t page = (uintptr_t)2 << 20;
  uintptr_t begin = ((uintptr_t)data + page - 1) & ~(page - 1);
  uintptr_t end = ((uintptr_t)data + size) & ~(page - 1);
  if (end > begin) madvise((void*)begin, end - begin, MADV_HUGEPAGE);
}

/* ------------------------------------------------------------------------------------------------
 * Functions for Python
 */

/* ping(fd, data, reply_size, count) -> seconds for sending `data` and receiving `reply_size` bytes,
 * `count` times */
static PyObject* floor_ping(PyObject* module, PyObject* args) {
  int fd, failed = 0;
  Py_buffer data;
  Py_ssize_t reply_size, count;
  (void)module;
  if (!PyArg_ParseTuple(args, "iy*nn", &fd, &data, &reply_size, &count)) return NULL;
  double start = 0, end = 0;
  char* reply = malloc((size_t)reply_size);
  if (reply != NULL) {
    Py_BEGIN_ALLOW_THREADS;
    start = now();
    for (Py_ssize_t i = 0; i < count && !failed; ++i) {
      failed = send_all(fd, data.buf, (size_t)data.len) != 0 ||
               receive_all(fd, reply, (size_t)reply_size) != 0;
    }
    end = now();
    Py_END_ALLOW_THREADS;
    free(reply);
  }
  PyBuffer_Release(&data);
  if (reply == NULL) return PyErr_NoMemory();
  return failed ? raise_socket_error() : PyFloat_FromDouble(end - start);
}

/* echo(fd, size): sends back every `size` bytes until the stream ends */
static PyObject* floor_echo(PyObject* module, PyObject* args) {
  int fd;
  Py_ssize_t size;
  (void)module;
  if (!PyArg_ParseTuple(args, "in", &fd, &size)) return NULL;
  char* data = malloc((size_t)size);
  if (data == NULL) return PyErr_NoMemory();
  Py_BEGIN_ALLOW_THREADS;
  while (receive_all(fd, data, (size_t)size) == 0 && send_all(fd, data, (size_t)size) == 0) {
  }
  Py_END_ALLOW_THREADS;
  free(data);
  Py_RETURN_NONE;
}

/* push(fd, data): sends bytes */
static PyObject* floor_push(PyObject* module, PyObject* args) {
  int fd, failed;
  Py_buffer data;
  (void)module;
  if (!PyArg_ParseTuple(args, "iy*", &fd, &data)) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  failed = send_all(fd, data.buf, (size_t)data.len);
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&data);
  if (failed) return raise_socket_error();
  Py_RETURN_NONE;
}

/* pull(fd, size) -> a new bytes object received in place */
static PyObject* floor_pull(PyObject* module, PyObject* args) {
  int fd, failed;
  Py_ssize_t size;
  (void)module;
  if (!PyArg_ParseTuple(args, "in", &fd, &size)) return NULL;
  PyObject* result = PyBytes_FromStringAndSize(NULL, size);
  if (result == NULL) return NULL;
  char* data = PyBytes_AS_STRING(result);
  Py_BEGIN_ALLOW_THREADS;
  if (size >= 4 << 20) advise_huge(data, (size_t)size);
  failed = receive_all(fd, data, (size_t)size);
  Py_END_ALLOW_THREADS;
  if (!failed) return result;
  Py_DECREF(result);
  return raise_socket_error();
}

/* An RPyC frame: u32 length in network order, compressed or not, message, newline. The message of a
 * request: 1, the tag of a pair, the sequence number, the rest. A number is one byte, or a tag, a
 * length and digits. Returns where it is and sets its size. */
static const unsigned char* sequence_of(const unsigned char* frame, size_t* size) {
  const unsigned char kShortDigits = 0x16;
  const unsigned char* number = frame + 7;
  *size = *number == kShortDigits ? 2u + number[1] : 1u;
  return number;
}

/* canned(fd, tail): answers every RPyC request with `tail` as the result, until the stream ends */
static PyObject* floor_canned(PyObject* module, PyObject* args) {
  int fd;
  Py_buffer tail;
  (void)module;
  if (!PyArg_ParseTuple(args, "iy*", &fd, &tail)) return NULL;
  unsigned char in[4096], out[4096];
  size_t there = 0;
  Py_BEGIN_ALLOW_THREADS;
  for (;;) {
    ssize_t done = receive_some(fd, (char*)in + there, sizeof in - there);
    if (done <= 0) break;
    there += (size_t)done;
    const size_t size = there < 5 ? 0 : 6 + (((size_t)in[2] << 8) | in[3]);
    if (size == 0 || size > there) continue;
    size_t number_size;
    const unsigned char* number = sequence_of(in, &number_size);
    const size_t length = 2 + number_size + (size_t)tail.len;
    memcpy(out, (const unsigned char[]){0, 0, 0, (unsigned char)length, 0, 2, in[6]}, 7);
    memcpy(out + 7, number, number_size);
    memcpy(out + 7 + number_size, tail.buf, (size_t)tail.len);
    out[5 + length] = '\n';
    if (in[5] == 1 && send_all(fd, (const char*)out, 6 + length) != 0) break;
    there -= size;
    memmove(in, in + size, there);
  }
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&tail);
  Py_RETURN_NONE;
}

PyMethodDef raw_functions[] = {
    {"ping", floor_ping, METH_VARARGS, NULL},     {"echo", floor_echo, METH_VARARGS, NULL},
    {"push", floor_push, METH_VARARGS, NULL},     {"pull", floor_pull, METH_VARARGS, NULL},
    {"canned", floor_canned, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
