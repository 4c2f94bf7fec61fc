#pragma once

#include <histedit.h>

namespace sinew::cli {

// The functions of libedit that are called.
#define SINEW_LIBEDIT_FUNCTIONS(X) \
  X(el_init)                       \
  X(el_end)                        \
  X(el_set)                        \
  X(el_get)                        \
  X(el_gets)                       \
  X(el_line)                       \
  X(el_insertstr)                  \
  X(el_resize)                     \
  X(history_init)                  \
  X(history_end)                   \
  X(history)

/// libedit, loaded when a line is to be edited: the program starts without it, and where it lacks.
///
/// threads: one.
struct LibEdit {
#define SINEW_LIBEDIT_MEMBER(name) decltype(&::name) name = nullptr;
  SINEW_LIBEDIT_FUNCTIONS(SINEW_LIBEDIT_MEMBER)
#undef SINEW_LIBEDIT_MEMBER

  /// Null: it is not on this machine.
  static const LibEdit* get();
};

}  // namespace sinew::cli
