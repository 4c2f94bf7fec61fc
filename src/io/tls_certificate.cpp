#include "io/tls_certificate.h"

#include <array>
#include <memory>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "io/openssl.h"

namespace sinew::io {
namespace {

std::string text_of(const OpenSsl& ssl, const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int size = ssl.ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return {};
  std::string text(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
  ssl.CRYPTO_free(utf8, __FILE__, __LINE__);
  return text;
}

std::string raw_text_of(const OpenSsl& ssl, const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ssl.ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ssl.ASN1_STRING_length(string))};
}

// The long name of a field or identifier where it has one, or its numbers.
std::string name_of(const OpenSsl& ssl, const ASN1_OBJECT* object, int numbers_only) {
  std::array<char, 256> text{};
  const int size =
      ssl.OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, numbers_only);
  return size > 0 ? std::string(text.data()) : std::string();
}

TlsCertificate::Name read_name(const OpenSsl& ssl, const X509_NAME* name) {
  TlsCertificate::Name parts;
  int last_set = -1;
  for (int i = 0; i < ssl.X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* const entry = ssl.X509_NAME_get_entry(name, i);
    const int set = ssl.X509_NAME_ENTRY_set(entry);
    if (set != last_set || parts.empty()) parts.emplace_back();
    last_set = set;
    parts.back().emplace_back(name_of(ssl, ssl.X509_NAME_ENTRY_get_object(entry), 0),
                              text_of(ssl, ssl.X509_NAME_ENTRY_get_data(entry)));
  }
  return parts;
}

std::string read_time(const OpenSsl& ssl, const ASN1_TIME* time) {
  const std::unique_ptr<BIO, decltype(ssl.BIO_free)> out(ssl.BIO_new(ssl.BIO_s_mem()),
                                                         ssl.BIO_free);
  std::array<char, 64> text{};
  if (!out || ssl.ASN1_TIME_print(out.get(), time) != 1) return {};
  const int size = ssl.BIO_read(out.get(), text.data(), static_cast<int>(text.size()));
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string read_serial_number(const OpenSsl& ssl, const X509* certificate) {
  const std::unique_ptr<BIGNUM, decltype(ssl.BN_free)> number(
      ssl.ASN1_INTEGER_to_BN(ssl.X509_get0_serialNumber(certificate), nullptr), ssl.BN_free);
  char* const text = number ? ssl.BN_bn2hex(number.get()) : nullptr;
  if (text == nullptr) return {};
  std::string hex(text);
  ssl.CRYPTO_free(text, __FILE__, __LINE__);
  return hex;
}

std::string address_text(const OpenSsl& ssl, const ASN1_OCTET_STRING* address) {
  const unsigned char* const bytes = ssl.ASN1_STRING_get0_data(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (ssl.ASN1_STRING_length(address)) {
    case 4: return ::inet_ntop(AF_INET, bytes, text.data(), text.size());
    case 16: {
      // Eight groups, none left out: as Python's ssl writes it.
      std::string groups;
      for (int i = 0; i < 16; i += 2) {
        groups += fmt::format("{}{:X}", i == 0 ? "" : ":", bytes[i] << 8 | bytes[i + 1]);
      }
      return groups;
    }
    default: return "<invalid>";
  }
}

TlsCertificate::AltName read_general_name(const OpenSsl& ssl, const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS: return {"DNS", raw_text_of(ssl, name->d.dNSName), {}};
    case GEN_EMAIL: return {"email", raw_text_of(ssl, name->d.rfc822Name), {}};
    case GEN_URI: return {"URI", raw_text_of(ssl, name->d.uniformResourceIdentifier), {}};
    case GEN_IPADD: return {"IP Address", address_text(ssl, name->d.iPAddress), {}};
    case GEN_RID: return {"Registered ID", name_of(ssl, name->d.registeredID, 0), {}};
    case GEN_DIRNAME: return {"DirName", {}, read_name(ssl, name->d.directoryName)};
    default: return {"othername", "<unsupported>", {}};
  }
}

// Calls `visit(item)` for the items of an extension that is a stack of them.
template <class Item, class Stack, class Free, class Visit>
void for_each_in(const OpenSsl& ssl, const X509* certificate, int extension, Free free,
                 Visit visit) {
  const std::unique_ptr<Stack, Free> items(
      static_cast<Stack*>(ssl.X509_get_ext_d2i(certificate, extension, nullptr, nullptr)), free);
  if (!items) return;
  const auto* const stack = reinterpret_cast<const OPENSSL_STACK*>(items.get());
  for (int i = 0; i < ssl.OPENSSL_sk_num(stack); ++i) {
    visit(static_cast<const Item*>(ssl.OPENSSL_sk_value(stack, i)));
  }
}

void read_access(const OpenSsl& ssl, const X509* certificate, TlsCertificate& into) {
  for_each_in<ACCESS_DESCRIPTION, AUTHORITY_INFO_ACCESS>(
      ssl, certificate, NID_info_access, ssl.AUTHORITY_INFO_ACCESS_free,
      [&](const ACCESS_DESCRIPTION* access) {
        if (access->location->type != GEN_URI) return;
        std::string text = raw_text_of(ssl, access->location->d.uniformResourceIdentifier);
        const int method = ssl.OBJ_obj2nid(access->method);
        if (method == NID_ad_OCSP) {
          into.ocsp.push_back(std::move(text));
        } else if (method == NID_ad_ca_issuers) {
          into.ca_issuers.push_back(std::move(text));
        }
      });
}

void read_crl_points(const OpenSsl& ssl, const X509* certificate, TlsCertificate& into) {
  for_each_in<DIST_POINT, CRL_DIST_POINTS>(
      ssl, certificate, NID_crl_distribution_points, ssl.CRL_DIST_POINTS_free,
      [&](const DIST_POINT* point) {
        if (point->distpoint == nullptr || point->distpoint->type != 0) return;
        const auto* const names =
            reinterpret_cast<const OPENSSL_STACK*>(point->distpoint->name.fullname);
        for (int i = 0; i < ssl.OPENSSL_sk_num(names); ++i) {
          const auto* const name = static_cast<const GENERAL_NAME*>(ssl.OPENSSL_sk_value(names, i));
          if (name->type != GEN_URI) continue;
          into.crl_points.push_back(raw_text_of(ssl, name->d.uniformResourceIdentifier));
        }
      });
}

}  // namespace

TlsCertificate TlsCertificate::read(x509_st* certificate) {
  const OpenSsl& ssl = OpenSsl::get();
  TlsCertificate result;
  result.subject = read_name(ssl, ssl.X509_get_subject_name(certificate));
  result.issuer = read_name(ssl, ssl.X509_get_issuer_name(certificate));
  result.version = ssl.X509_get_version(certificate) + 1;
  result.serial_number = read_serial_number(ssl, certificate);
  result.not_before = read_time(ssl, ssl.X509_get0_notBefore(certificate));
  result.not_after = read_time(ssl, ssl.X509_get0_notAfter(certificate));
  for_each_in<GENERAL_NAME, GENERAL_NAMES>(
      ssl, certificate, NID_subject_alt_name, ssl.GENERAL_NAMES_free,
      [&](const GENERAL_NAME* name) { result.alt_names.push_back(read_general_name(ssl, name)); });
  read_access(ssl, certificate, result);
  read_crl_points(ssl, certificate, result);
  unsigned char* der = nullptr;
  const int size = ssl.i2d_X509(certificate, &der);
  if (size > 0) {
    result.der.assign(der, der + size);
    ssl.CRYPTO_free(der, __FILE__, __LINE__);
  }
  ssl.ERR_clear_error();
  return result;
}

}  // namespace sinew::io
