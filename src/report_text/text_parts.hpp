#pragma once

#include "base/exception_chain.hpp"

#include <coppice/pid.hpp>
#include <coppice/report.hpp>
#include <coppice/report_text.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::detail {

// The two forms of a text: one line, and the block of lines that Elixir prints.
std::string line_of(const report& r, const text_style& style);
std::string block_of(const report& r, const text_style& style);

// What both are put together from.

std::string cut(std::string_view text, const text_style& style);
std::vector<exception_text> chain_of(const exit_reason& reason, const text_style& style);

// "1 restart", "2 restarts"
std::string count(std::size_t n, std::string_view what);
std::string children(std::size_t n);
// "more than 3 restarts in 5 s"
std::string budget(const budget_exhausted& x);
std::string others(const reports_summed_up& x);

// A client is called by its name, if it has one, as in Elixir.
std::string client_of(const server_terminated& x);
std::string_view condition_of_client(const server_terminated& x);
std::string pending_of(const server_terminated& x, const text_style& style);
std::string application(std::string_view name);

// Writes what could end a line, or do something to a terminal, as in a C++ literal.
void append_escaped(std::string& out, char c);

}  // namespace coppice::detail
