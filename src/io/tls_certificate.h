#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

struct x509_st;

namespace sinew::io {

/// A certificate, read. Text is UTF-8 and comes from the peer: escape it before it is shown.
struct TlsCertificate {
  /// A distinguished name: its parts in order, each one or more (field, value), with OpenSSL's long
  /// names of fields ("commonName").
  using Name = std::vector<std::vector<std::pair<std::string, std::string>>>;

  /// Who else the certificate is for. `kind` is "DNS", "IP Address", "email", "URI", "Registered
  /// ID", "DirName" (then `directory` has it, not `text`) or "othername".
  struct AltName {
    std::string kind;
    std::string text;
    Name directory;
  };

  Name subject;
  Name issuer;
  long version = 0;           ///< 3 for one of version 3
  std::string serial_number;  ///< hexadecimal, upper case
  std::string not_before;     ///< "Nov 21 14:10:59 2026 GMT"
  std::string not_after;
  std::vector<AltName> alt_names;
  std::vector<std::string> ocsp;        ///< addresses of who answers for it
  std::vector<std::string> ca_issuers;  ///< addresses of the issuer's certificate
  std::vector<std::string> crl_points;  ///< addresses of lists of what is revoked
  std::vector<std::uint8_t> der;        ///< the certificate as it came

  /// Reads what OpenSSL holds. What a certificate does not have, or what cannot be read, is empty.
  static TlsCertificate read(x509_st* certificate);
};

}  // namespace sinew::io
