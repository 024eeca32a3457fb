#include "execute.hpp"

#include "observer.hpp"
#include "tree.hpp"

#include <coppice/error.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sequence {

namespace asio = boost::asio;

namespace {

coppice::pid find(const std::string& name, user_interface& ui) {
  const coppice::pid process = coppice::whereis(name);
  if (!process) ui.print("no process is registered as " + name + "; see observer\n");
  return process;
}

asio::awaitable<void> which_children(std::string name, user_interface& ui) {
  const coppice::pid process = find(name, ui);
  if (!process) co_return;
  const coppice::supervisor_ref supervisor{process};
  std::string text;
  try {
    auto listing = supervisor.which_children();
    const std::vector<coppice::child_entry> children = co_await std::move(listing);
    for (const coppice::child_entry& child : children) {
      const bool is_supervisor = child.type == coppice::child_type::supervisor;
      text += child.id + ' ' +
              (child.process      ? child.process.to_string()
               : child.restarting ? std::string{"restarting"}
                                  : std::string{"stopped"}) +
              (is_supervisor ? " supervisor\n" : " worker\n");
    }
  } catch (const boost::system::system_error& e) {
    if (e.code() != coppice::errc::noproc && e.code() != coppice::errc::wrong_type) throw;
    text = name + (process.alive() ? " is no supervisor\n" : " has ended\n");
  }
  ui.print(text.empty() ? "no children\n" : text);
}

asio::awaitable<void> kill(std::string name, user_interface& ui) {
  const coppice::pid process = find(name, ui);
  if (!process) co_return;
  ui.print(":ok\n");
  coppice::kill(process);
  co_await coppice::await_exit(process);
}

asio::awaitable<void> next_number(user_interface& ui, sequence_ref numbers) {
  std::string text;
  try {
    auto asking = numbers.next_number();
    text = std::to_string(co_await std::move(asking));
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;
    text = std::string{server_name} + " did not answer: " + e.code().message();
  }
  ui.print(text + '\n');
}

}  // namespace

asio::awaitable<bool> execute(command what, user_interface& ui, sequence_ref numbers) {
  const auto name = [&what](const char* otherwise) {
    return what.arguments.empty() ? std::string{otherwise}
                                  : std::get<std::string>(what.arguments.front());
  };
  switch (what.what) {
    case verb::next_number: {
      auto doing = next_number(ui, numbers);
      co_await std::move(doing);
      break;
    }
    case verb::increment_number:
      numbers.increment_number(what.arguments.front());
      ui.print(":ok\n");
      break;
    case verb::observer: {
      auto doing = observe(ui);
      co_await std::move(doing);
      break;
    }
    case verb::which_children: {
      auto doing = which_children(name(supervisor_name), ui);
      co_await std::move(doing);
      break;
    }
    case verb::kill: {
      auto doing = kill(name(""), ui);
      co_await std::move(doing);
      break;
    }
    case verb::help: ui.print(help_text()); break;
    case verb::exit: co_return false;
  }
  co_return true;
}

}  // namespace sequence
