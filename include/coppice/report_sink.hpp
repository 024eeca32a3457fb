#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>
#include <coppice/report_text.hpp>

#include <boost/asio/io_context.hpp>

namespace coppice {

/// Sets where the reports of that io_context go; an empty sink turns them off, at no cost.
///
/// The default is `print_report`, its reports of warnings and errors summed up as by `sum_up`; what
/// is still counted when the io_context is destroyed is printed then.
///
/// @par Thread safety
/// Only on the loop's thread, or while it does not run.
COPPICE_API void set_report_sink(boost::asio::io_context& io, report_sink sink);

/// The default sink: prints warnings and errors to stderr, one line each, with the time of day.
///
/// Of a supervised process its supervisor's report tells; its `process_crashed` is not printed.
///
/// It writes to the descriptor of stderr, past its buffer, and neither waits nor ends the program,
/// whatever is behind that: a pipe or a terminal that nobody reads just now or ever again, a disk
/// that is full, nothing at all. What could not be written is counted, and told when the next
/// report can be: "3 reports could not be written (Broken pipe)". Neither the program's signal
/// dispositions nor the flags of the descriptor are touched. Only writing to a file waits for as
/// long as its file system does, and to a terminal that is another user's for its last few bytes.
///
/// @par Thread safety
/// Only while the sink runs; those of several io_contexts may print at the same time.
COPPICE_API void print_report(const report& r);

/// The same in another style, or from another severity on: a sink like
/// `[](const coppice::report& r) { coppice::print_report(r, {.multi_line = true}); }`.
///
/// What is printed in blocks begins with the severity: "12:34:56.789 [error] GenServer ...".
COPPICE_API void print_report(const report& r, const text_style& style,
                              severity from = severity::warning);

}  // namespace coppice
