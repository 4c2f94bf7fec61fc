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

/// Those that look at tables, or at what is the program's own (connection_tables.cpp). They throw.
PyObject* connection_exported(PyObject* object, PyObject* id_pack);
PyObject* connection_check_attr(PyObject* object, PyObject* args);
PyObject* connection_next_seq(PyObject* object, PyObject* unused);
PyObject* connection_netref_factory(PyObject* object, PyObject* id_pack);
PyObject* connection_release(PyObject* object, PyObject* args);
PyObject* connection_export_id(PyObject* object, PyObject* exported);
PyObject* connection_exports(PyObject* object, PyObject* unused);
PyObject* connection_imports(PyObject* object, PyObject* unused);
PyObject* connection_classes(PyObject* object, PyObject* unused);
PyObject* connection_adopt(PyObject* object, PyObject* netref);
PyObject* connection_overrides(PyObject* object, PyObject* names);
PyObject* connection_counts(PyObject* object, PyObject* unused);

}  // namespace sinew::python
