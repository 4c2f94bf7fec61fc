#include "certificate_dict.h"

#include <string>
#include <vector>

namespace sinew::python {
namespace {

PyRef text_object(const std::string& text) noexcept {
  return PyRef::steal(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

// The tuple of what `make` gives for each item.
template <class Items, class Make>
PyRef tuple_of(const Items& items, Make make) noexcept {
  PyRef tuple = PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(items.size())));
  Py_ssize_t at = 0;
  for (const auto& item : items) {
    PyRef made = tuple ? make(item) : PyRef();
    if (!made) return {};
    PyTuple_SET_ITEM(tuple.get(), at++, made.release());
  }
  return tuple;
}

PyRef pair_of(const PyRef& first, const PyRef& second) noexcept {
  if (!first || !second) return {};
  return PyRef::steal(PyTuple_Pack(2, first.get(), second.get()));
}

PyRef name_object(const io::TlsCertificate::Name& name) noexcept {
  return tuple_of(name, [](const auto& part) {
    return tuple_of(part, [](const auto& field) {
      return pair_of(text_object(field.first), text_object(field.second));
    });
  });
}

PyRef alt_name_object(const io::TlsCertificate::AltName& name) noexcept {
  return pair_of(text_object(name.kind),
                 name.kind == "DirName" ? name_object(name.directory) : text_object(name.text));
}

bool put(const PyRef& into, const char* key, const PyRef& value) noexcept {
  return value && PyDict_SetItemString(into.get(), key, value.get()) == 0;
}

bool put_texts(const PyRef& into, const char* key, const std::vector<std::string>& texts) noexcept {
  return texts.empty() || put(into, key, tuple_of(texts, text_object));
}

}  // namespace

PyRef describe_certificate(const io::TlsCertificate& certificate) noexcept {
  PyRef dict = PyRef::steal(PyDict_New());
  const bool made =
      dict && put(dict, "subject", name_object(certificate.subject)) &&
      put(dict, "issuer", name_object(certificate.issuer)) &&
      put(dict, "version", PyRef::steal(PyLong_FromLong(certificate.version))) &&
      put(dict, "serialNumber", text_object(certificate.serial_number)) &&
      put(dict, "notBefore", text_object(certificate.not_before)) &&
      put(dict, "notAfter", text_object(certificate.not_after)) &&
      (certificate.alt_names.empty() ||
       put(dict, "subjectAltName", tuple_of(certificate.alt_names, alt_name_object))) &&
      put_texts(dict, "OCSP", certificate.ocsp) &&
      put_texts(dict, "caIssuers", certificate.ca_issuers) &&
      put_texts(dict, "crlDistributionPoints", certificate.crl_points);
  return made ? std::move(dict) : PyRef();
}

}  // namespace sinew::python
