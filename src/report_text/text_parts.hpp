#pragma once

#include "base/exception_chain.hpp"

#include <coppice/pid.hpp>
#include <coppice/report.hpp>
#include <coppice/report_text.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::detail {

// The two forms of a text: one line, and the block of lines that Elixir prints.
std::string line_of(const report& r, const text_style& style);
std::string block_of(const report& r, const text_style& style);

// The parts that both forms have in common.

std::string cut(std::string_view text, const text_style& style);
std::vector<exception_text> chain_of(const exit_reason& reason, const text_style& style);

// "1 restart", "2 restarts"
std::string count(std::size_t n, std::string_view what);
std::string children(std::size_t n);
// "more than 3 restarts in 5 s"
std::string budget(const budget_exhausted& x);
// "a <3> waits for b <4>, which waits for a <3>".
std::string circle(std::span<const pid> processes);
std::string others(const reports_summed_up& x);

// The name of the client if it has one, otherwise its pid, as in Elixir.
std::string client_of(const server_terminated& x);
std::string_view condition_of_client(const server_terminated& x);
std::string pending_of(const server_terminated& x, const text_style& style);
std::string application(std::string_view name, const pid& process);
// Says that the program ends for it, if it does.
std::string ending(const application_stopped& x);
std::string program(std::string_view name);
// "Too many open files, with 9 connections", or "9 connections, as many as there may be"
std::string shortage(const acceptor_paused& x);
std::string shortage(const acceptor_resumed& x);

// Appends a character. Control characters, which could end a line or command a terminal, are
// written as in a C++ literal.
void append_escaped(std::string& out, char c);

}  // namespace coppice::detail
