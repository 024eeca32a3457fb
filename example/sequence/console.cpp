#include "console.hpp"

#include "commands.hpp"
#include "execute.hpp"
#include "tree.hpp"

#include <coppice/error.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sequence {

namespace asio = boost::asio;

namespace {

// Waits until whatever was sent to the server has been handled and, if that has crashed it, until
// it is up again.
//
// A server that dies is told to its supervisor before it is told to us, and a supervisor answers
// behind whatever it has to do: once it has listed its children, everything that the crash has led
// to is done, unless a restart has failed and is to be tried again.
asio::awaitable<void> settle(sequence_ref numbers, coppice::pid tree) {
  using namespace std::chrono_literals;
  for (bool settled = false; !settled;) {
    auto catching_up = numbers.has_caught_up();
    settled = co_await std::move(catching_up);
    const coppice::supervisor_ref supervisor{coppice::whereis(supervisor_name)};
    std::vector<coppice::child_entry> children;
    bool gone = !supervisor.alive();
    if (!gone) {
      try {
        auto listing = supervisor.which_children();
        children = co_await std::move(listing);
      } catch (const boost::system::system_error& e) {
        if (e.code() != coppice::errc::noproc) throw;
        gone = true;
      }
    }
    if (gone) {
      // It has given up, and the tree does not outlive that. We are stopped with it.
      co_await coppice::await_exit(tree);
    }
    settled = settled && std::all_of(children.begin(), children.end(),
                                     [](const auto& c) { return c.process.alive(); });
    if (!settled) co_await coppice::sleep_for(0ms);
  }
}

// Not by this process, which is part of what is to be stopped.
void stop_from_outside(asio::io_context& io, coppice::pid tree) {
  asio::post(io, [tree] {
    const coppice::supervisor_ref root{tree};
    root.stop()([](boost::system::error_code) {});
  });
}

}  // namespace

asio::awaitable<void> run_console(user_interface& ui, sequence_ref numbers) {
  coppice::register_name(console_name);
  const coppice::pid tree = coppice::whereis(tree_name);
  for (bool more = true; more;) {
    auto settling = settle(numbers, tree);
    co_await std::move(settling);
    auto reading = ui.read_line();
    const std::optional<std::string> line = co_await std::move(reading);
    if (!line) break;
    parsed_line what = parse(*line);
    if (const auto* const bad = std::get_if<mistake>(&what)) ui.print(bad->text + '\n');
    if (auto* const understood = std::get_if<command>(&what)) {
      auto doing = execute(std::move(*understood), ui, numbers);
      more = co_await std::move(doing);
    }
  }
  const auto ex = co_await asio::this_coro::executor;
  auto& io = static_cast<asio::io_context&>(asio::query(ex, asio::execution::context));
  stop_from_outside(io, tree);
}

}  // namespace sequence
