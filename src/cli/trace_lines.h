#pragma once

#include <string>

#include "cli/terminal.h"
#include "trace/exchange.h"

namespace sinew::cli {

/// What `sinew trace` prints of an event, without the line's end:
///
///     21:04:05.123456  1 -> REQUEST   seq=3  CALL(your<...>, (1, 2), ())
///     21:04:05.123576  1 <- REPLY     seq=3  3  [CALL, 120 us]
///
/// What the peers say is shown as Terminal::shown() does.
std::string trace_line(const trace::Event& event, const Terminal& terminal);

/// The same as JSON (docs/cli.md).
std::string trace_json(const trace::Event& event);

/// The figures at the end, several lines; `dropped` pieces were not shown.
std::string statistics_text(const trace::Statistics& statistics, std::uint64_t dropped);
std::string statistics_json(const trace::Statistics& statistics, std::uint64_t dropped);

}  // namespace sinew::cli
