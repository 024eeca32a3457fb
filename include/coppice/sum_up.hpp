#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>

namespace coppice {

/// Which reports `sum_up` hands on one by one.
struct sum_up_options {
  /// So many equal ones in a period are, as they arise; at least 1.
  std::size_t at_once = 5;
  /// How long a period lasts. Longer than none.
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
};

/// A sink that sums up what repeats itself, before another: a child that crashes without pause, or
/// clients that make theirs crash, fill no log.
///
/// Reports are equal that have the same kind, the same consequence, the same child or process by
/// its id, name or label, and the same reason by its types and texts; whatever pids they have, and
/// whatever a server has been doing. The first of them are handed on as they arise. The others are
/// counted, and told by one `reports_summed_up` when the period ends, and again after each that
/// follows, until one passes without any. Then the next are first ones again.
///
/// Escalations (children that end with `give_up` or `shut_down`, exhausted budgets) and the start
/// and stop of a program are handed on always, and all that is counted before them. So it is when
/// the last process ends, but once in a period, and when the sink is replaced; what has been
/// counted since is lost with the io_context. Nothing is kept running for it.
///
/// Equal reports cost no memory, but for what 64 different ones are remembered by.
///
/// @param io Whose reports they are; the sink is of use for as long as that is.
/// @param sink Where they go on to, under the same rules as any sink.
/// @throws std::invalid_argument if there is no sink, or the options break a rule of theirs.
/// @par Thread safety
/// Only on the loop's thread, or while it does not run; so is the sink.
/// @par Origin
/// `logger_olp` of OTP drops and counts what comes in a burst. Differs: here equal reports are,
/// others never.
[[nodiscard]] COPPICE_API report_sink sum_up(boost::asio::io_context& io, report_sink sink,
                                             const sum_up_options& options = {});

}  // namespace coppice
