#include <ctime>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/checks.h"
#include "io/address.h"
#include "io/socket_stream.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"

namespace sinew::cli {
namespace {

struct Handshake {
  std::unique_ptr<io::TlsStream> stream;
  std::string problem;  // empty: it went well
  bool is_no_tls = false;
};

Handshake shake_hands(const naming::Uri& uri, const Options& options, bool verify) {
  const Deadline deadline = Deadline::after(options.connect_timeout);
  io::TlsOptions tls;
  tls.certificate_file = options.certificate;
  tls.key_file = options.private_key;
  tls.ca_file = options.ca_file;
  tls.verify = verify ? io::TlsOptions::Verify::kRequired : io::TlsOptions::Verify::kNone;
  auto context = std::make_shared<const io::TlsContext>(std::move(tls));
  auto socket = std::make_unique<io::SocketStream>(io::connect(uri.address, deadline));
  Handshake made;
  made.stream = std::make_unique<io::TlsStream>(
      std::move(socket), std::move(context),
      options.server_name.empty() ? uri.address.host : options.server_name);
  Result<void> done;
  do {
    done = made.stream->handshake(deadline);
  } while (!done && done.error() == Errc::kInterrupted);
  if (done) return made;
  made.problem = made.stream->last_error();
  if (made.problem.empty()) made.problem = describe(done.error());
  made.is_no_tls = done.error() == Errc::kTimedOut || made.problem.contains("may not speak TLS");
  return made;
}

std::string common_name(const io::TlsCertificate::Name& name) {
  std::string all;
  for (const auto& part : name) {
    for (const auto& [field, value] : part) {
      if (field == "commonName") return value;
      all += (all.empty() ? "" : ", ") + value;
    }
  }
  return all;
}

std::string names_of(const io::TlsCertificate& certificate) {
  std::string names;
  for (const auto& other : certificate.alt_names) {
    if (other.kind == "DNS" || other.kind == "IP Address") {
      names += (names.empty() ? "" : ", ") + other.text;
    }
  }
  return names.empty() ? common_name(certificate.subject) : names;
}

std::string advice_for(const Handshake& made, const std::string& names) {
  const std::string& problem = made.problem;
  if (made.is_no_tls) return "somebody listens, but does not speak TLS: try tcp://";
  if (problem.contains("expired")) return "the certificate has to be renewed on the server";
  if (problem.contains("not yet valid")) return "a clock is wrong: here, or where it was made";
  if (problem.contains("mismatch")) {
    return fmt::format("the certificate is for {}: connect to that name, or say --server-name NAME",
                       names.empty() ? "another name" : names);
  }
  if (problem.contains("self-signed") || problem.contains("self signed") ||
      problem.contains("issuer") || problem.contains("unable to verify")) {
    return "say --cafile FILE with the certificate of the authority that signed the server's";
  }
  if (problem.contains("certificate required") || problem.contains("bad certificate") ||
      problem.contains("unknown ca") || problem.contains("handshake failure")) {
    return "the server wants a certificate that it knows: --certfile FILE and --keyfile FILE";
  }
  if (problem.contains("wrong version") || problem.contains("protocol version") ||
      problem.contains("unexpected") || problem.contains("end of")) {
    return "it may not speak TLS: try tcp://";
  }
  return "look at the log of the server";
}

// Names and dates; good while it is valid.
void tell_certificate(const io::TlsCertificate& certificate, const Tell& tell) {
  const double left = days_until(certificate.not_after);
  const double begun = -days_until(certificate.not_before);
  Check check{"certificate", left > 0 && begun >= 0,
              fmt::format("for {}, by {}, {} to {} ({:.0f} days left)", names_of(certificate),
                          common_name(certificate.issuer), certificate.not_before,
                          certificate.not_after, left)};
  constexpr double kSoon = 14;
  if (left <= 0) {
    check.advice = "it has expired: it has to be renewed on the server";
  } else if (begun < 0) {
    check.advice = "it is not valid yet: a clock is wrong";
  } else if (left < kSoon) {
    check.advice = "renew it soon";
  }
  tell(check);
}

}  // namespace

double days_until(const std::string& date) {
  std::tm parts{};
  const char* const end = ::strptime(date.c_str(), "%b %d %H:%M:%S %Y GMT", &parts);
  if (end == nullptr || *end != '\0') throw std::invalid_argument("not a date: " + date);
  return std::difftime(::timegm(&parts), std::time(nullptr)) / 86400;
}

bool check_tls(const naming::Uri& uri, const Options& options, const Tell& tell) try {
  if (!uri.is_tls) return true;
  const Handshake made = shake_hands(uri, options, options.verify);
  // What a server shows that is not believed is looked at all the same.
  const bool look_again = !made.problem.empty() && options.verify && !made.is_no_tls;
  const Handshake other = look_again ? shake_hands(uri, options, false) : Handshake();
  const io::TlsStream& shown = other.stream ? *other.stream : *made.stream;
  const std::optional<io::TlsCertificate> certificate = shown.peer_certificate();
  if (!made.problem.empty()) {
    tell({"tls", false, made.problem,
          advice_for(made, certificate ? names_of(*certificate) : std::string())});
  } else {
    tell({"tls", true,
          fmt::format("{}, {}{}", made.stream->version(), made.stream->cipher().name,
                      options.verify ? "" : ", and nobody asked who the server is (--insecure)")});
  }
  if (certificate) tell_certificate(*certificate, tell);
  return made.problem.empty();
} catch (const Error& error) {
  tell({"tls", false, error.message(),
        error.kind() == Error::Kind::kUnsupported ? "install OpenSSL 3 (libssl.so.3)"
                                                  : "look at the files that the options name"});
  return false;
}

}  // namespace sinew::cli
