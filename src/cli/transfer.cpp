#include "cli/transfer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/guarded.h"
#include "base/parker.h"
#include "cli/exit_codes.h"

namespace sinew::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Runs at the server. A name of its own beside the destination: on the same file system, so that
// taking its place is one step.
constexpr std::string_view kFiles = R"PY(
import os, tempfile

class Upload:
    _file = _part = None

    def __init__(self, path, mode):
        if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
            raise FileExistsError(f"{path} is no regular file")
        folder, name = os.path.split(os.path.abspath(path))
        handle, self._part = tempfile.mkstemp(prefix=name + ".", suffix=".part", dir=folder)
        self._file, self._path, self._mode = os.fdopen(handle, "wb"), path, mode

    def write(self, data):
        if self._file.write(data) != len(data):
            raise OSError("not everything was written")

    def finish(self):
        try:
            self._file.close()
            os.chmod(self._part, self._mode)
            os.replace(self._part, self._path)
            self._part = None
        finally:
            self.drop()

    def drop(self):
        part, self._part = self._part, None
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if part is not None:
                os.unlink(part)

    __del__ = drop  # the client is gone

def read_from(path):
    file = open(path, "rb")
    return file, os.fstat(file.fileno()).st_mode & 0o777

def look(path):
    if not os.path.isdir(path):
        return (("", os.stat(path).st_size, False),)
    found = []
    def fail(error):
        raise error
    for folder, folders, names in os.walk(path, onerror=fail):
        folders.sort()
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                raise OSError(f"{os.path.join(folder, name)} is a link to a folder")
        below = os.path.relpath(folder, path)
        below = "" if below == "." else below.replace(os.sep, "/") + "/"
        found += [(below + name, 0, True) for name in folders]
        for name in sorted(names):
            whole = os.path.join(folder, name)
            if os.path.isfile(whole):
                found.append((below + name, os.path.getsize(whole), False))
    return tuple(found)
)PY";

// Pieces grow while they take less than that: fast lines want large ones, slow ones progress.
constexpr auto kPiece = 100ms;
constexpr std::size_t kSmallest = std::size_t{64} << 10;
constexpr std::size_t kLargest = std::size_t{8} << 20;
constexpr auto kPatience = 150ms;

class PieceSize {
 public:
  std::size_t bytes() const noexcept { return bytes_; }
  void took(steady_clock::duration time) noexcept {
    if (time < kPiece && bytes_ < kLargest) bytes_ *= 2;
    if (time > 4 * kPiece && bytes_ > kSmallest) bytes_ /= 2;
  }

 private:
  std::size_t bytes_ = kSmallest;
};

[[noreturn]] void throw_local(const std::string& what, const std::string& path) {
  throw LocalError(fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace

struct Transfer::State {
  State(Peer& its_peer, std::function<void(std::uint64_t)> its_told)
      : peer(its_peer), told(std::move(its_told)) {}

  Peer& peer;
  std::function<void(std::uint64_t)> told;
  Object functions;
  std::atomic<bool> is_stopped{false};
  Parker over;                // of the thread that calls stop()
  Guarded<std::string> part;  // the unfinished file of this machine
};

Transfer::Transfer(Peer& peer, std::function<void(std::uint64_t)> told)
    : state_(std::make_shared<State>(peer, std::move(told))) {
  const Object builtins = peer.connection.module("builtins");
  state_->functions = builtins.call("dict");
  builtins.call("exec", kFiles, state_->functions);
}

Transfer::~Transfer() { state_->over.wake(); }

void Transfer::check() const {
  if (state_->is_stopped) throw Stopped();
}

void Transfer::stop() {
  const std::shared_ptr<State> state = state_;
  state->is_stopped = true;
  const Deadline deadline = Deadline::after(kPatience);
  while (true) {
    const Parker::Wake wake = state->over.park(deadline);
    if (wake == Parker::Wake::kWoken) return;
    if (wake == Parker::Wake::kTimedOut) break;
  }
  const auto part = state->part.lock();
  if (!part->empty()) ::unlink(part->c_str());
  Interrupts::end_process();
}

void Transfer::upload(const std::string& from, const std::string& to) {
  const File file(std::fopen(from.c_str(), "rbe"));
  if (!file) throw_local("cannot read", from);
  struct stat about{};
  if (::fstat(::fileno(file.get()), &about) != 0) throw_local("cannot read", from);
  const Object upload = state_->functions.item("Upload")(to, about.st_mode & 0777);
  try {
    send(*file, upload, from);
    upload.call<void>("finish");
  } catch (...) {
    drop(upload);
    throw;
  }
}

void Transfer::send(std::FILE& file, const Object& upload, const std::string& from) {
  PieceSize size;
  std::vector<std::byte> piece;
  while (true) {
    check();
    piece.resize(size.bytes());
    piece.resize(std::fread(piece.data(), 1, piece.size(), &file));
    if (std::ferror(&file) != 0) throw_local("cannot read", from);
    if (piece.empty()) return;
    const auto begin = steady_clock::now();
    upload.call<void>("write", piece);
    size.took(steady_clock::now() - begin);
    state_->told(piece.size());
  }
}

// Nothing unfinished stays over there, as far as it can be told.
void Transfer::drop(const Object& upload) noexcept {
  try {
    const TimeLimit limit(kPatience);
    upload.call<void>("drop");
  } catch (const std::exception&) {
    // It sees to that itself when the connection has ended.
  }
}

namespace {

// A device or a pipe is not to be replaced. What is a folder, rename() says.
void check_replaceable(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    throw LocalError(fmt::format("cannot write {}: it is no regular file", path));
  }
}

// Of a mode that the other side tells: who may read, write and run, as far as this user lets any
// new file. Never setuid and the like.
mode_t permitted(unsigned mode) noexcept {
  const mode_t mask = ::umask(0077);
  ::umask(mask);
  return mode & 0777 & ~mask;
}

// A new file beside `to`, which takes its place or is removed.
class Part {
 public:
  Part(Guarded<std::string>& name, const std::string& to) : name_(name), to_(to), path_(to) {
    path_ += ".XXXXXX.part";
    const auto shared = name_.lock();
    const int descriptor = ::mkostemps(path_.data(), 5, O_CLOEXEC);
    if (descriptor < 0) throw_local("cannot write", to);
    file_.reset(::fdopen(descriptor, "wb"));
    *shared = path_;
  }
  ~Part() {
    if (path_.empty()) return;
    file_.reset();
    ::unlink(path_.c_str());
    name_.lock()->clear();
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  void write(const std::vector<std::byte>& piece) {
    if (std::fwrite(piece.data(), 1, piece.size(), file_.get()) != piece.size()) {
      throw_local("cannot write", to_);
    }
  }

  void finish(unsigned mode) {
    if (std::fflush(file_.get()) != 0 || ::fchmod(::fileno(file_.get()), permitted(mode)) != 0 ||
        std::fclose(file_.release()) != 0 || ::rename(path_.c_str(), to_.c_str()) != 0) {
      throw_local("cannot write", to_);
    }
    path_.clear();
    name_.lock()->clear();
  }

 private:
  Guarded<std::string>& name_;
  const std::string to_;
  std::string path_;
  File file_;
};

}  // namespace

void Transfer::download(const std::string& from, const std::string& to) {
  check_replaceable(to);
  const Object opened = state_->functions.item("read_from")(from);
  const Object file = opened.item(0);
  Part part(state_->part, to);
  PieceSize size;
  while (true) {
    check();
    const auto begin = steady_clock::now();
    const auto piece = file.call<std::vector<std::byte>>("read", size.bytes());
    size.took(steady_clock::now() - begin);
    if (piece.empty()) break;
    part.write(piece);
    state_->told(piece.size());
  }
  part.finish(opened.item<unsigned>(1));
  file.call("close");
}

std::vector<Entry> Transfer::look(const std::string& path) {
  using Row = std::tuple<std::string, std::uint64_t, bool>;
  std::vector<Entry> found;
  for (auto& [below, size, is_folder] :
       state_->functions.item("look").invoke<std::vector<Row>>(path)) {
    // A server could name a place outside of the folder that is written to.
    const fs::path relative(below);
    const bool climbs = std::ranges::find(relative, "..") != relative.end();
    if (relative.is_absolute() || climbs) {
      throw MissingError(fmt::format("the server names a file outside of the folder: {}", below));
    }
    found.push_back({std::move(below), size, is_folder});
  }
  return found;
}

bool Transfer::is_folder(const std::string& path) {
  return state_->peer.connection.module("os.path").call<bool>("isdir", path);
}

void Transfer::make_folder(const std::string& path) {
  state_->peer.connection.module("os").call<void>("makedirs", path, arg("exist_ok") = true);
}

std::string Transfer::join(const std::string& folder, const std::string& name) {
  return state_->peer.connection.module("os.path").call<std::string>("join", folder, name);
}

std::vector<Entry> look_here(const std::string& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (failed) throw LocalError(fmt::format("cannot read {}: {}", path, failed.message()));
  if (!fs::is_directory(status)) return {{"", fs::file_size(path, failed), false}};
  std::vector<Entry> found;
  try {
    for (const auto& one : fs::recursive_directory_iterator(path)) {
      const std::string below = one.path().lexically_relative(path).string();
      if (one.is_directory() && one.is_symlink()) {
        throw LocalError(
            fmt::format("cannot copy {}: it is a link to a folder", one.path().string()));
      }
      if (one.is_directory()) {
        found.push_back({below, 0, true});
      } else if (one.is_regular_file()) {
        found.push_back({below, one.file_size(), false});
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw LocalError(error.what());
  }
  std::ranges::sort(found, {}, &Entry::path);
  return found;
}

}  // namespace sinew::cli
