#include "cli/connecting.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "api/token.h"
#include "cli/exit_codes.h"
#include "naming/uri.h"

namespace sinew::cli {
namespace {

constexpr double kLongest = 1e8;  // seconds: three years; what is longer does not fit in int64 soon

std::chrono::nanoseconds seconds(double value) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1e9));
}

}  // namespace

void add_target(CLI::App& app, Target& target) {
  app.add_option("URI", target.uri,
                 "tcp://HOST[:PORT], tls://HOST[:PORT], unix:///PATH or HOST[:PORT]")
      ->required()
      ->transform(CLI::Validator(
          [](std::string& uri) {  // the space that main.cpp puts in front of "[::1]"
            uri.erase(0, uri.find_first_not_of(' '));
            return std::string();
          },
          ""));
  app.add_option("--timeout", target.timeout, "Seconds that a call may take; 0: for ever")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--wire", target.wire, "Which RPyC the server is: auto, 5 (4.1 to 5.3) or 6")
      ->type_name("RPYC")
      ->capture_default_str();
  app.add_option("--token-file", target.options.token_file,
                 "The token that the server wants (else SINEW_TOKEN_FILE, SINEW_TOKEN)")
      ->type_name("FILE");
  app.add_option("--cafile", target.options.ca_file, "tls: whom to trust (PEM)")->type_name("FILE");
  app.add_option("--certfile", target.options.certificate, "tls: the certificate to show (PEM)")
      ->type_name("FILE");
  app.add_option("--keyfile", target.options.private_key, "tls: its key, if that is another file")
      ->type_name("FILE");
  app.add_option("--server-name", target.options.server_name,
                 "tls: whom the server has to be, if not HOST")
      ->type_name("NAME");
  app.add_flag("--insecure", target.insecure, "tls: trust any server");
}

Options Target::checked() const {
  Options made = options;
  if (!std::isfinite(timeout) || timeout < 0 || timeout > kLongest) {
    throw UsageError(
        fmt::format("--timeout: {} is no number of seconds between 0 and {}", timeout, kLongest));
  }
  made.call_timeout = seconds(timeout);
  if (timeout > 0) made.connect_timeout = std::min(made.connect_timeout, made.call_timeout);
  if (wire == "5") {
    made.wire = Options::Wire::kRpyc5;
  } else if (wire == "6") {
    made.wire = Options::Wire::kRpyc6;
  } else if (wire != "auto") {
    throw UsageError(fmt::format("--wire: '{}' is none of auto, 5 and 6", wire));
  }
  made.verify = !insecure;
  try {
    const naming::Uri parsed = naming::parse_uri(uri);
    const bool says_tls = insecure || !made.ca_file.empty() || !made.certificate.empty() ||
                          !made.private_key.empty() || !made.server_name.empty();
    if (says_tls && !parsed.is_tls) {
      throw UsageError(fmt::format("{} is not tls://, and there is no TLS to be configured", uri));
    }
  } catch (const Error& error) {
    throw UsageError(error.message());
  }
  try {
    static_cast<void>(detail::find_token(made));
  } catch (const Error& error) {
    throw LocalError(error.message());
  }
  return made;
}

Peer open(const Target& target) {
  Options options = target.checked();
  const Connection first = connect(target.uri, options);
  try {
    return Peer(first);
  } catch (const RemoteError&) {
    throw;
  } catch (const Error& error) {
    // Such a server hangs up, or has said something itself by then (a classic one).
    if (options.wire != Options::Wire::kAuto || error.kind() == Error::Kind::kTimedOut) throw;
    options.wire = Options::Wire::kRpyc5;
    try {
      return Peer(connect(target.uri, options));
    } catch (const Error&) {
      // The first error is the one that says what is wrong.
    }
    throw;
  }
}

bool Peer::is_classic() {
  if (classic_ == Answer::kUnknown) {
    classic_ = root.is_reference() && root.has("getmodule") ? Answer::kYes : Answer::kNo;
  }
  return classic_ == Answer::kYes;
}

bool is_missing_attribute(const RemoteError& error) noexcept { return error.is("AttributeError"); }

bool is_missing_module(const RemoteError& error) noexcept {
  return error.is("ModuleNotFoundError") || error.is("ImportError");
}

}  // namespace sinew::cli
