/* The least engine: `Link` calls the other side and answers it.
 *
 * A frame is: u32 length of the rest, kind, length of the name (one byte), name, value. Numbers are
 * in the machine's byte order. A value is a tag and its contents: (i)nteger, (b)ytes, (t)uple,
 * (n)one.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"

/* ------------------------------------------------------------------------------------------------
 * Frames
 */

enum { CALL = 'c', GET = 'g', REPLY = 'r', FAILURE = 'f' };

typedef struct {
  char* data;
  size_t size, capacity;
} Buffer;

typedef struct {
  PyObject_HEAD int fd;
  PyObject* root;
  Buffer out, in;
  size_t read_at; /* where the next frame begins in `in` */
} Link;

typedef struct {
  PyObject_HEAD vectorcallfunc call;
  Link* link;
  PyObject* name;
} Method;

static PyTypeObject LinkType, MethodType;

static char* grow(Buffer* buffer, size_t more) {
  if (buffer->size + more > buffer->capacity) {
    buffer->capacity = 2 * buffer->capacity + more + 4096;
    buffer->data = realloc(buffer->data, buffer->capacity);
    if (buffer->data == NULL) Py_FatalError("out of memory");
  }
  return buffer->data + buffer->size;
}

static void put(Buffer* buffer, const void* data, size_t size) {
  memcpy(grow(buffer, size), data, size);
  buffer->size += size;
}

static void put_tag(Buffer* buffer, char tag) { put(buffer, &tag, 1); }

static int encode_items(Buffer* out, PyObject* const* items, size_t count);

static int encode(Buffer* out, PyObject* value) {
  if (PyLong_CheckExact(value)) {
    int64_t number = PyLong_AsLongLong(value);
    put_tag(out, 'i');
    put(out, &number, sizeof number);
    return number == -1 && PyErr_Occurred() ? -1 : 0;
  }
  if (PyBytes_CheckExact(value)) {
    uint32_t size = (uint32_t)PyBytes_GET_SIZE(value);
    put_tag(out, 'b');
    put(out, &size, sizeof size);
    put(out, PyBytes_AS_STRING(value), size);
    return 0;
  }
  if (PyTuple_CheckExact(value)) {
    return encode_items(out, ((PyTupleObject*)value)->ob_item, (size_t)PyTuple_GET_SIZE(value));
  }
  put_tag(out, 'n');
  return 0;
}

static int encode_items(Buffer* out, PyObject* const* items, size_t count) {
  uint32_t size = (uint32_t)count;
  put_tag(out, 't');
  put(out, &size, sizeof size);
  for (size_t i = 0; i < count; ++i) {
    if (encode(out, items[i]) != 0) return -1;
  }
  return 0;
}

static PyObject* decode(const char** at) {
  uint32_t size;
  int64_t number;
  const char* data = *at;
  switch (*data++) {
    case 'i':
      memcpy(&number, data, sizeof number);
      *at = data + sizeof number;
      return PyLong_FromLongLong(number);
    case 'b':
      memcpy(&size, data, sizeof size);
      data += sizeof size;
      *at = data + size;
      return PyBytes_FromStringAndSize(data, size);
    case 't': {
      memcpy(&size, data, sizeof size);
      *at = data + sizeof size;
      PyObject* tuple = PyTuple_New(size);
      for (uint32_t i = 0; tuple != NULL && i < size; ++i) {
        PyObject* item = decode(at);
        if (item == NULL)
          Py_CLEAR(tuple);
        else
          PyTuple_SET_ITEM(tuple, i, item);
      }
      return tuple;
    }
    default: *at = data; Py_RETURN_NONE;
  }
}

/* A frame is written in two steps around its value. */
static size_t begin_frame(Link* link, char kind, PyObject* name) {
  Py_ssize_t size = 0;
  const char* text = name == NULL ? "" : PyUnicode_AsUTF8AndSize(name, &size);
  const size_t start = link->out.size;
  const char head[6] = {0, 0, 0, 0, kind, (char)size};
  put(&link->out, head, sizeof head);
  put(&link->out, text, (size_t)size);
  return start;
}

static void end_frame(Link* link, size_t start) {
  const uint32_t size = (uint32_t)(link->out.size - start - 4);
  memcpy(link->out.data + start, &size, sizeof size);
}

/* ------------------------------------------------------------------------------------------------
 * Link
 */

/* Sends what is queued and receives at least one byte, the GIL given up once. */
static int exchange(Link* link) {
  ssize_t done = -1;
  if (link->read_at != 0) {
    link->in.size -= link->read_at;
    memmove(link->in.data, link->in.data + link->read_at, link->in.size);
    link->read_at = 0;
  }
  char* room = grow(&link->in, 64 * 1024);
  Py_BEGIN_ALLOW_THREADS;
  if (send_all(link->fd, link->out.data, link->out.size) == 0) {
    done = receive_some(link->fd, room, link->in.capacity - link->in.size);
    if (done == 0) errno = 0;
  }
  Py_END_ALLOW_THREADS;
  link->out.size = 0;
  if (done <= 0) return -1;
  link->in.size += (size_t)done;
  return 0;
}

static const char* next_frame(Link* link, uint32_t* size) {
  const size_t there = link->in.size - link->read_at;
  if (there < 4) return NULL;
  memcpy(size, link->in.data + link->read_at, 4);
  if (there - 4 < *size) return NULL;
  const char* frame = link->in.data + link->read_at + 4;
  link->read_at += 4 + *size;
  return frame;
}

/* Executes one request and queues the reply. */
static int answer(Link* link, const char* frame) {
  const char kind = frame[0];
  const char* at = frame + 2 + (unsigned char)frame[1];
  PyObject* name = PyUnicode_FromStringAndSize(frame + 2, (unsigned char)frame[1]);
  if (name == NULL) return -1;
  PyUnicode_InternInPlace(&name);
  PyObject *args = decode(&at), *result = NULL;
  PyObject* function = args == NULL ? NULL : PyObject_GetAttr(link->root, name);
  if (function != NULL && kind == CALL) {
    result = PyObject_Vectorcall(function, ((PyTupleObject*)args)->ob_item,
                                 (size_t)PyTuple_GET_SIZE(args), NULL);
    Py_DECREF(function);
  } else {
    result = function;
  }
  Py_XDECREF(args);
  Py_DECREF(name);
  if (result == NULL) PyErr_WriteUnraisable(link->root);
  const size_t start = begin_frame(link, result == NULL ? FAILURE : REPLY, NULL);
  const int failed = encode(&link->out, result == NULL ? Py_None : result);
  end_frame(link, start);
  Py_XDECREF(result);
  return failed;
}

/* Answers requests until a reply comes, and returns that. */
static PyObject* wait_for_reply(Link* link) {
  for (;;) {
    uint32_t size;
    const char* frame = next_frame(link, &size);
    if (frame == NULL) {
      if (exchange(link) != 0) return raise_socket_error();
    } else if (frame[0] == REPLY) {
      const char* at = frame + 2;
      return decode(&at);
    } else if (frame[0] == FAILURE) {
      PyErr_SetString(PyExc_RuntimeError, "the call failed on the other side");
      return NULL;
    } else if (answer(link, frame) != 0) {
      return NULL;
    }
  }
}

static int queue_call(Method* method, PyObject* const* args, size_t count) {
  const size_t start = begin_frame(method->link, CALL, method->name);
  const int failed = encode_items(&method->link->out, args, count);
  end_frame(method->link, start);
  return failed;
}

static PyObject* method_call(PyObject* self, PyObject* const* args, size_t flags, PyObject* names) {
  (void)names;
  Method* method = (Method*)self;
  if (queue_call(method, args, (size_t)PyVectorcall_NARGS(flags)) != 0) return NULL;
  return wait_for_reply(method->link);
}

/* post(*args): queues a call; its reply is one of those that receive() returns, in order */
static PyObject* method_post(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (queue_call((Method*)self, args, (size_t)count) != 0) return NULL;
  Py_RETURN_NONE;
}

static void method_dealloc(PyObject* self) {
  Py_DECREF(((Method*)self)->link);
  Py_DECREF(((Method*)self)->name);
  PyObject_Free(self);
}

static PyMethodDef method_methods[] = {
    {"post", (PyCFunction)(void*)method_post, METH_FASTCALL, NULL}, {NULL, NULL, 0, NULL}};

static PyObject* link_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  int fd;
  PyObject* root;
  (void)keywords;
  if (!PyArg_ParseTuple(args, "iO", &fd, &root)) return NULL;
  Link* link = (Link*)type->tp_alloc(type, 0);
  if (link == NULL) return NULL;
  link->fd = fd;
  link->root = Py_NewRef(root);
  return (PyObject*)link;
}

static void link_dealloc(PyObject* self) {
  Link* link = (Link*)self;
  free(link->out.data);
  free(link->in.data);
  Py_XDECREF(link->root);
  Py_TYPE(self)->tp_free(self);
}

/* link.name is a remote method; names that end in "_" are remote values. */
static PyObject* link_getattro(PyObject* self, PyObject* name) {
  Link* link = (Link*)self;
  Py_ssize_t size;
  const char* text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == NULL) return NULL;
  if (text[0] == '_' || strcmp(text, "serve") == 0 || strcmp(text, "receive") == 0) {
    return PyObject_GenericGetAttr(self, name);
  }
  if (text[size - 1] == '_') {
    const size_t start = begin_frame(link, GET, name);
    put_tag(&link->out, 'n');
    end_frame(link, start);
    return wait_for_reply(link);
  }
  Method* method = PyObject_New(Method, &MethodType);
  if (method == NULL) return NULL;
  method->call = method_call;
  method->link = (Link*)Py_NewRef(self);
  method->name = Py_NewRef(name);
  return (PyObject*)method;
}

/* receive() -> the next reply to a posted call */
static PyObject* link_receive(PyObject* self, PyObject* unused) {
  (void)unused;
  return wait_for_reply((Link*)self);
}

/* serve(): answers requests until the stream ends */
static PyObject* link_serve(PyObject* self, PyObject* unused) {
  (void)unused;
  PyObject* reply = wait_for_reply((Link*)self);
  if (reply == NULL && PyErr_ExceptionMatches(PyExc_EOFError)) PyErr_Clear();
  if (PyErr_Occurred()) return NULL;
  Py_XDECREF(reply);
  Py_RETURN_NONE;
}

static PyMethodDef link_methods[] = {{"serve", link_serve, METH_NOARGS, NULL},
                                     {"receive", link_receive, METH_NOARGS, NULL},
                                     {NULL, NULL, 0, NULL}};

static PyTypeObject LinkType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "_floor.Link",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = link_new,
    .tp_dealloc = link_dealloc,
    .tp_getattro = link_getattro,
    .tp_methods = link_methods,
};

static PyTypeObject MethodType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "_floor.Method",
    .tp_basicsize = sizeof(Method),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_dealloc = method_dealloc,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Method, call),
    .tp_methods = method_methods,
};

int add_link_type(PyObject* module) {
  if (PyType_Ready(&LinkType) != 0 || PyType_Ready(&MethodType) != 0) return -1;
  return PyModule_AddObjectRef(module, "Link", (PyObject*)&LinkType);
}
