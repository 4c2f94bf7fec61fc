#include <chrono>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/guarded.h"
#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/exit_codes.h"
#include "cli/interrupts.h"
#include "cli/progress.h"
#include "cli/remote_code.h"
#include "cli/terminal.h"
#include "cli/transfer.h"

namespace sinew::cli {
namespace {

constexpr std::string_view kHowItIsCopied =
    R"(A folder is copied with all that is in it. If TO is a folder that is there, the copy is made in it.
A file is written under another name and takes its place when it is complete; a copy that fails or
is interrupted leaves nothing behind.

examples:
)";

namespace fs = std::filesystem;

struct Said {
  Target target;
  std::string from;
  std::string to;
};

// The last name of a path; of "." and "..", of what it stands for.
std::string last_name(const std::string& path, bool is_here) {
  fs::path whole = is_here ? fs::absolute(path).lexically_normal() : fs::path(path);
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string name = whole.filename().string();
  if (name.empty() || name == "." || name == "..") {
    throw UsageError(fmt::format("say what {} is to be called", path));
  }
  return name;
}

std::string below(const std::string& folder, const Entry& entry) {
  return entry.path.empty() ? folder : (fs::path(folder) / entry.path).string();
}

void make_folder_here(const std::string& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) throw LocalError(fmt::format("cannot make {}: {}", path, failed.message()));
}

// A single file is the entry without a name.
bool is_single(const std::vector<Entry>& entries) {
  return entries.size() == 1 && entries.front().path.empty();
}

void upload_all(const Said& said, Transfer& transfer, Progress& progress,
                const std::vector<Entry>& entries) {
  std::string to = said.to.empty() ? last_name(said.from, true) : said.to;
  if (!said.to.empty() && transfer.is_folder(to)) {
    to = transfer.join(to, last_name(said.from, true));
  }
  if (!is_single(entries)) transfer.make_folder(to);
  for (const Entry& entry : entries) {
    const std::string there = entry.path.empty() ? to : transfer.join(to, entry.path);
    if (entry.is_folder) {
      transfer.make_folder(there);
    } else {
      progress.begin_file(last_name(there, false));
      transfer.upload(below(said.from, entry), there);
    }
  }
}

void download_all(const Said& said, Transfer& transfer, Progress& progress,
                  const std::vector<Entry>& entries) {
  std::string to = said.to.empty() ? last_name(said.from, false) : said.to;
  std::error_code ignored;
  if (!said.to.empty() && fs::is_directory(to, ignored)) {
    to = (fs::path(to) / last_name(said.from, false)).string();
  }
  if (!is_single(entries)) make_folder_here(to);
  for (const Entry& entry : entries) {
    const std::string here = below(to, entry);
    if (entry.is_folder) {
      make_folder_here(here);
    } else {
      progress.begin_file(last_name(here, true));
      transfer.download(entry.path.empty() ? said.from : transfer.join(said.from, entry.path),
                        here);
    }
  }
}

// The transfer that Ctrl-C stops, for as long as there is one.
class Running {
 public:
  Running(Guarded<Transfer*>& place, Transfer& transfer) : place_(place) {
    *place_.lock() = &transfer;
  }
  ~Running() { *place_.lock() = nullptr; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Guarded<Transfer*>& place_;
};

int copy(const Said& said, bool is_upload, Terminal& terminal) {
  // What is wrong here is said before anybody is asked.
  std::vector<Entry> entries;
  if (is_upload) entries = look_here(said.from);

  Guarded<Transfer*> running;
  const Interrupts interrupts([&running] {
    const auto transfer = running.lock();
    if (*transfer == nullptr) Interrupts::end_process();
    (*transfer)->stop();
  });
  Peer peer = open(said.target);
  require_classic(peer, is_upload ? "upload" : "download");
  Progress* shown = nullptr;
  Transfer transfer(peer, [&shown](std::uint64_t bytes) { shown->advance(bytes); });
  const Running is_running(running, transfer);
  const auto begin = std::chrono::steady_clock::now();
  try {
    if (!is_upload) entries = transfer.look(said.from);
    const auto total =
        std::accumulate(entries.begin(), entries.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const Entry& entry) { return sum + entry.size; });
    Progress progress(terminal, total);
    shown = &progress;
    (is_upload ? upload_all : download_all)(said, transfer, progress, entries);
  } catch (const Transfer::Stopped&) {
    Interrupts::end_process();
  }
  if (!terminal.shows_progress()) return 0;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  terminal.note(fmt::format("{} in {:.1f} s", said.from, seconds));
  return 0;
}

void add_arguments(CLI::App& app, Said& said, bool is_upload) {
  add_target(app, said.target);
  app.add_option("FROM", said.from,
                 is_upload ? "A file or a folder here" : "A file or a folder of the server")
      ->required();
  app.add_option("TO", said.to, "Where to; without it, under the same name where one is");
}

}  // namespace

Run define_upload(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_arguments(app, *said, true);
  app.footer(std::string(kHowItIsCopied) + R"(  sinew upload lab-7 firmware.bin /tmp/firmware.bin
  sinew upload lab-7 scripts/ /opt/lab)");
  return [said](Terminal& terminal) { return copy(*said, true, terminal); };
}

Run define_download(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_arguments(app, *said, false);
  app.footer(std::string(kHowItIsCopied) + R"(  sinew download lab-7 /var/log/lab.log
  sinew download lab-7 /opt/lab/results results-of-today)");
  return [said](Terminal& terminal) { return copy(*said, false, terminal); };
}

}  // namespace sinew::cli
