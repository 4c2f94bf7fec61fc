#pragma once

#include "io/tls_certificate.h"
#include "py_ref.h"

namespace sinew::python {

/// The certificate as `ssl.SSLSocket.getpeercert()` describes one. Null with an exception set when
/// memory ran out.
PyRef describe_certificate(const io::TlsCertificate& certificate) noexcept;

}  // namespace sinew::python
