#pragma once

#include <stdexcept>
#include <string>

#include "sinew/python.hpp"

/// Scenarios of an embedded interpreter. Each is run in a process of its own, by
/// tests/python/cpp/test_embedding.py: there is one interpreter in the life of a process.
namespace sinew::testing {

/// Throws what is wrong unless `fine`.
inline void check(bool fine, const std::string& what) {
  if (!fine) throw std::runtime_error(what);
}

/// What `function` throws, with its kind: "failed: there is a module 'lab'".
std::string thrown_by(auto&& function) {
  try {
    function();
    return "nothing";
  } catch (const Error& error) {
    return std::string(name_of(error.kind())) + ": " + error.what();
  }
}

/// With the Python of the tests, which has the package.
python::InterpreterOptions options();

/// Prints a line, and flushes it.
void say(const std::string& line);

/// Waits for a line, or for the end of the input.
void wait_for_line();

// calls.cpp
void calls();
void errors();
void threads();
void modules();
void refusals();
void limits();

// lives.cpp
void lifetimes();
void ends();
void stopped_inside();
void twice();
void no_package();
void broken_pipe();
void joined();
void version();

// serving.cpp
void serves();
void runs();
void computes();
void finishes();

}  // namespace sinew::testing
