// Uses numpy from C++: finds the loudest tones of a signal.
//
//     sinew classic &                      # a Python with numpy, here or on another machine;
//     rpyc_classic does as well spectrum tcp://localhost:18812
//
// Samples and result cross as bytes, once each. What is between them, the array and its spectrum,
// stays in Python.

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <sinew/sinew.hpp>

namespace {

constexpr int kRate = 8000;  // samples a second
constexpr std::size_t kTones = 2;

/// One second: 440 Hz, and half as loud 1250 Hz.
std::vector<double> signal() {
  std::vector<double> made;
  for (int i = 0; i < kRate; ++i) {
    const double turn = 2 * std::numbers::pi * i / kRate;
    made.push_back(std::sin(440 * turn) + 0.5 * std::sin(1250 * turn));
  }
  return made;
}

/// The contents of an array of a numpy type that is a T of C++.
template <class T>
std::vector<T> contents(const sinew::Object& array) {
  const auto bytes = array.call<std::vector<std::byte>>("tobytes");
  std::vector<T> made(bytes.size() / sizeof(T));
  std::memcpy(made.data(), bytes.data(), made.size() * sizeof(T));
  return made;
}

}  // namespace

int main(int argc, char** argv) try {
  const auto conn = sinew::connect(argc > 1 ? argv[1] : "tcp://localhost:18812");
  const sinew::Object np = conn.module("numpy");
  const std::vector<double> samples = signal();
  const sinew::Object array =
      np.call("frombuffer", std::as_bytes(std::span(samples)), sinew::arg("dtype") = "float64");
  const sinew::Object loudness = np.call("abs", np.get("fft").call("rfft", array));
  const sinew::Object order = np.call("argsort", loudness).call("astype", "int64");
  const auto sorted = contents<std::int64_t>(order);
  const auto heights = contents<double>(loudness);
  for (std::size_t i = 0; i < kTones; ++i) {
    const auto tone = sorted.at(sorted.size() - 1 - i);
    std::printf("%5lld Hz  %.2f\n", static_cast<long long>(tone),
                2 * heights.at(static_cast<std::size_t>(tone)) / kRate);
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "spectrum: %s\n", error.what());
  return 1;
}
