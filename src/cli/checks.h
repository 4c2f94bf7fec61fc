#pragma once

#include <functional>
#include <string>

#include "cli/connecting.h"
#include "naming/uri.h"

namespace sinew::cli {

/// A step on the way to a server, and how it went.
struct Check {
  std::string what;  ///< "name", "reach", "tls", "protocol", "server", "round trip"
  bool is_good = false;
  std::string found;
  std::string advice = {};  ///< what the user can do about it
};

using Tell = std::function<void(const Check&)>;

// Each tells of one check or more, and returns whether to go on.

/// The host's addresses, and which of them somebody listens at; of a Unix socket, the file.
bool check_place(const naming::Uri& uri, const Options& options, const Tell& tell);

/// The handshake, and the certificate's names and dates. Good at once for what is no TLS.
bool check_tls(const naming::Uri& uri, const Options& options, const Tell& tell);

/// Which RPyC it speaks, who it is, how long a round trip takes.
bool check_protocol(const Target& target, const Tell& tell);

/// The days from now until a certificate's date, "Nov 21 14:10:59 2026 GMT"; negative: it is past.
/// Throws std::invalid_argument for another form.
double days_until(const std::string& date);

}  // namespace sinew::cli
