#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/connecting.h"
#include "cli/interrupts.h"

namespace sinew::cli {

/// A file to be copied: where it is below the folder that is copied ("" for a single file), and how
/// long it was when it was looked at.
struct Entry {
  std::string path;
  std::uint64_t size = 0;
  bool is_folder = false;
};

/// Copies single files between this machine and a classic server. What is copied is written beside
/// its destination, under a name of its own, and takes its place when it is complete: a copy that
/// fails or is interrupted leaves what was there, and nothing else.
///
/// Throws what asking the peer throws, LocalError for files of this machine, and Stopped at Ctrl-C.
///
/// threads: one, but for stop(), which nobody may call while the destructor runs.
class Transfer {
 public:
  struct Stopped {};

  /// `told` hears of each piece: its bytes.
  Transfer(Peer& peer, std::function<void(std::uint64_t)> told);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void upload(const std::string& from, const std::string& to);
  void download(const std::string& from, const std::string& to);

  /// What is over there: the file, or the folder with all below it, folders in front of what is in
  /// them. Symbolic links are followed to files, not to folders.
  std::vector<Entry> look(const std::string& path);
  bool is_folder(const std::string& path);
  void make_folder(const std::string& path);
  std::string join(const std::string& folder, const std::string& name);

  /// Ctrl-C: has the copy stop and tidy up; if it cannot within 150 ms, removes what is unfinished
  /// here and ends the program. threads: any.
  void stop();

 private:
  void check() const;
  void send(std::FILE& file, const Object& upload, const std::string& from);
  static void drop(const Object& upload) noexcept;

  struct State;
  std::shared_ptr<State> state_;
};

/// What is here, as Transfer::look(). Throws LocalError.
std::vector<Entry> look_here(const std::string& path);

}  // namespace sinew::cli
