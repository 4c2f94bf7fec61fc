#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/guarded.h"
#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/exit_codes.h"
#include "cli/interrupts.h"
#include "cli/terminal.h"
#include "cli/trace_lines.h"
#include "io/address.h"
#include "io/socket_stream.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"
#include "naming/uri.h"
#include "trace/exchange.h"
#include "trace/journal.h"
#include "trace/relay.h"

namespace sinew::cli {
namespace {

using Kind = trace::Journal::Entry::Kind;

constexpr int kBacklog = 128;
constexpr auto kPatience = std::chrono::seconds(2);           // of Ctrl-C with who reads the output
constexpr std::size_t kMostWaiting = std::size_t{256} << 20;  // bytes that were not printed yet

struct Said {
  Target target;
  std::string listen = "tcp://127.0.0.1:0";
  std::size_t longest = 200;
  bool follow = false;
  bool as_json = false;
  bool is_open = false;
};

std::unique_ptr<io::Stream> reach(const naming::Uri& uri, const Options& options) {
  const Deadline deadline = Deadline::after(options.connect_timeout);
  auto socket = std::make_unique<io::SocketStream>(io::connect(uri.address, deadline));
  if (!uri.is_tls) return socket;
  io::TlsOptions tls;
  tls.certificate_file = options.certificate;
  tls.key_file = options.private_key;
  tls.ca_file = options.ca_file;
  tls.verify = options.verify ? io::TlsOptions::Verify::kRequired : io::TlsOptions::Verify::kNone;
  auto secure = std::make_unique<io::TlsStream>(
      std::move(socket), std::make_shared<const io::TlsContext>(std::move(tls)),
      options.server_name.empty() ? uri.address.host : options.server_name);
  Result<void> done;
  do {
    done = secure->handshake(deadline);
  } while (!done && done.error() == Errc::kInterrupted);
  if (done) return secure;
  const std::string why = secure->last_error();
  throw Error(Error::Kind::kDisconnected,
              fmt::format("{}: {}", uri.to_text(),
                          why.empty() ? std::string(describe(done.error())) : why));
}

/// Where clients connect. The path of a Unix socket goes with it.
struct Place {
  Place(const std::string& text, bool is_open);
  ~Place() { remove(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  bool is_unix() const noexcept { return uri.address.family == io::Address::Family::kUnix; }
  void remove() const noexcept {
    if (is_unix()) ::unlink(uri.address.path.c_str());
  }

  naming::Uri uri;
  io::Fd listener;
};

bool is_local(const io::Address& address) {
  return address.family == io::Address::Family::kUnix || address.host.starts_with("127.") ||
         address.host == "::1";
}

naming::Uri parsed(const std::string& text) {
  try {
    return naming::parse_uri(text);
  } catch (const Error& error) {
    throw UsageError(error.message());
  }
}

Place::Place(const std::string& text, bool is_open) : uri(parsed(text)) {
  if (uri.is_tls) throw UsageError("--listen: it speaks no TLS to clients: say tcp:// or unix://");
  io::Fd made = io::listen(uri.address, kBacklog);
  const io::Address bound = io::local_address(made.get());
  if (!is_open && !is_local(bound)) {
    throw UsageError(fmt::format(
        "--listen: other machines would reach the server through {}: add --open if that is meant",
        text));
  }
  uri.address.port = bound.port;
  listener = std::move(made);
}

/// Prints what a journal tells, until it ends.
class Printer {
 public:
  Printer(const Said& said, Terminal& terminal) : said_(said), terminal_(terminal) {}

  void print(const trace::Journal::Entry& entry) {
    switch (entry.kind) {
      case Kind::kOpened:
        exchanges_.try_emplace(entry.connection, entry.connection, said_.longest, statistics_);
        return print(simple(entry, trace::Event::Kind::kOpened, entry.text));
      case Kind::kPiece:
        if (const auto one = exchanges_.find(entry.connection); one != exchanges_.end()) {
          print(one->second.read(entry.from, entry.piece, entry.time));
        }
        return;
      case Kind::kEnded:
        print(simple(entry, trace::Event::Kind::kClosed,
                     entry.from == trace::Side::kClient ? "by the client" : "by the server"));
        if (++ended_[entry.connection] == 2) forget(entry.connection);
        return;
      case Kind::kRefused:
        refusal_ = entry.text;
        return print(simple(entry, trace::Event::Kind::kClosed, entry.text));
    }
  }

  void print_statistics(std::uint64_t dropped) {
    said_.as_json ? terminal_.line(statistics_json(statistics_, dropped))
                  : terminal_.print("\n" + statistics_text(statistics_, dropped));
  }

  /// Why the last client that was turned away got no connection.
  const std::string& refusal() const noexcept { return refusal_; }
  std::uint64_t connections() const noexcept { return statistics_.connections; }

 private:
  static trace::Event simple(const trace::Journal::Entry& entry, trace::Event::Kind kind,
                             std::string text) {
    trace::Event event;
    event.kind = kind;
    event.time = entry.time;
    event.connection = entry.connection;
    event.from = entry.from;
    event.text = std::move(text);
    return event;
  }

  void print(const trace::Event& event) {
    terminal_.line(said_.as_json ? trace_json(event) : trace_line(event, terminal_));
    terminal_.flush();
  }

  void forget(std::uint64_t connection) {
    exchanges_.erase(connection);
    ended_.erase(connection);
  }

  const Said& said_;
  Terminal& terminal_;
  trace::Statistics statistics_;
  std::map<std::uint64_t, trace::Exchange> exchanges_;
  std::map<std::uint64_t, int> ended_;  // how many of the two sides have said their last
  std::string refusal_;
};

int run(const Said& said, Terminal& terminal) {
  const Options options = said.target.checked();
  const naming::Uri target = naming::parse_uri(said.target.uri);
  trace::Journal journal(kMostWaiting);
  // What is being connected to may take its time; Ctrl-C does not wait for it. Nor for long for
  // who reads what is printed: run() ends the process, or this does.
  Guarded<std::string> socket_file;
  const Interrupts interrupts([&journal, &socket_file] {
    journal.close();
    std::this_thread::sleep_for(kPatience);
    const auto file = socket_file.lock();
    if (!file->empty()) ::unlink(file->c_str());
    Interrupts::end_process();
  });
  Place place(said.listen, said.is_open);
  if (place.is_unix()) *socket_file.lock() = place.uri.address.path;
  terminal.note(fmt::format("listening at {}, passing on to {}; Ctrl-C ends", place.uri.to_text(),
                            target.to_text()));
  Printer printer(said, terminal);
  trace::Relay relay(std::move(place.listener), [&] { return reach(target, options); }, journal,
                     {.follow = said.follow});
  while (const auto entry = journal.take()) {
    if (interrupts.interrupted()) break;
    printer.print(*entry);
  }
  printer.print_statistics(journal.dropped());
  terminal.flush();
  if (interrupts.interrupted()) place.remove();
  interrupts.end_if_interrupted();
  if (printer.connections() == 0 && !printer.refusal().empty()) {
    throw Error(Error::Kind::kDisconnected, printer.refusal());
  }
  return static_cast<int>(Exit::kOk);
}

}  // namespace

Run define_trace(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  // The client shows its token, makes its calls and chooses its wire; all of that passes.
  for (const char* const of_client : {"--token-file", "--timeout", "--wire"}) {
    app.remove_option(app.get_option(of_client));
  }
  app.add_option("-l,--listen", said->listen,
                 "Where clients connect: tcp://HOST:PORT, unix:///PATH")
      ->type_name("URI")
      ->capture_default_str();
  app.add_flag("-f,--follow", said->follow, "Go on after the first client");
  app.add_flag("--json", said->as_json, "Print a line of JSON for each message");
  app.add_option("--max-bytes", said->longest, "How much of a value is shown")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{10}, std::size_t{1} << 24))
      ->capture_default_str();
  app.add_flag("--open", said->is_open, "Let other machines connect, too");
  app.footer(
      R"(Stands between a client and the server at URI, and shows what they say to each other: any RPyC from 4.1
on, in both directions, with the time that each answer took. All bytes pass unchanged and at once, also
those that cannot be read; they are shown in hex. Where URI is tls://, clients connect without TLS.

examples:
  sinew trace lab-7 --listen localhost:18899     then connect to localhost:18899
  sinew trace unix:///run/lab.sock --follow
  sinew trace tcp://lab-7:18861 --json > session.jsonl)");
  return [said](Terminal& terminal) { return run(*said, terminal); };
}

}  // namespace sinew::cli
