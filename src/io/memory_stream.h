#pragma once

#include <memory>
#include <utility>

#include "io/stream.h"

namespace sinew::io {

/// Two streams joined in memory: what one writes the other reads. For tests: no descriptor, any
/// clock, a capacity that makes a write block when the test wants it to.
///
/// `capacity` is the number of bytes that may be on their way in each direction.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_memory_pair(
    std::size_t capacity = 64 * 1024);

}  // namespace sinew::io
