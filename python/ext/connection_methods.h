#pragma once

#include "py_ref.h"

namespace sinew::python {

/// The methods of the Connection type. Terminated by an empty entry.
extern PyMethodDef kConnectionMethods[];

/// Those that start a connection over a stream (connection_attach.cpp). They throw.
PyObject* connection_attach_socket(PyObject* object, PyObject* descriptor);
PyObject* connection_attach_pipes(PyObject* object, PyObject* args);
PyObject* connection_attach_stream(PyObject* object, PyObject* stream);
PyObject* connection_attach_tls(PyObject* object, PyObject* stream);
PyObject* connection_attach_ssl_socket(PyObject* object, PyObject* socket);

}  // namespace sinew::python
