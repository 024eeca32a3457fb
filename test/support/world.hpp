#pragma once

#include <coppice.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;

// An io_context in virtual time that remembers its reports, as text.
struct world {
  world() {
    coppice::set_report_sink(io, [this](const coppice::report& r) { reports.push_back(to_string(r)); });
  }

  asio::io_context io{1};
  coppice::virtual_clock clock{io};
  std::vector<std::string> reports;
};
