#pragma once

#include <coppice.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>
#include <variant>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;

// An io_context in virtual time that remembers its reports, as text, but for those of starts that
// have only begun, and those of crashes of which a supervisor tells.
struct world {
  explicit world(int hint = 1) : io{hint} {
    coppice::set_report_sink(io, [this](const coppice::report& r) {
      const auto* crash = std::get_if<coppice::process_crashed>(&r);
      if (crash != nullptr && crash->supervised) return;
      if (!std::holds_alternative<coppice::child_starting>(r)) reports.push_back(to_string(r));
    });
  }

  asio::io_context io;
  coppice::virtual_clock clock{io};
  std::vector<std::string> reports;
};
