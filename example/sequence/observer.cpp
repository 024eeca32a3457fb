#include "observer.hpp"

#include "tree.hpp"

#include <coppice/error.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>
#include <coppice/process_info.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/sys.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>

namespace sequence {

namespace asio = boost::asio;

namespace {

using row = std::array<std::string, 6>;

std::string_view name_of(process_view::kind_type kind) {
  switch (kind) {
    case process_view::kind_type::supervisor: return "supervisor";
    case process_view::kind_type::server: return "server";
    case process_view::kind_type::worker: break;
  }
  return "worker";
}

void add_rows(const process_view& p, std::size_t depth, std::vector<row>& rows) {
  rows.push_back({std::string(2 * depth, ' ') + p.id, std::string{name_of(p.kind)}, p.process,
                  std::to_string(p.restarts), p.queue ? std::to_string(*p.queue) : "", p.state});
  for (const process_view& child : p.children) add_rows(child, depth + 1, rows);
}

process_view view_of(const coppice::child_entry& child) {
  process_view view{.id = child.id,
                    .process = child.process      ? child.process.to_string()
                               : child.restarting ? std::string{"restarting"}
                                                  : std::string{"stopped"},
                    .restarts = child.restarts};
  if (child.type == coppice::child_type::supervisor) {
    view.kind = process_view::kind_type::supervisor;
  } else if (auto status = coppice::sys::get_status(child.process)) {
    view.kind = process_view::kind_type::server;
    view.queue = status->queue_length;
    view.state = std::move(status->state);
  }
  return view;
}

// A supervisor that is gone has none.
asio::awaitable<std::vector<process_view>> children_of(coppice::pid supervisor) {
  std::vector<process_view> children;
  std::vector<coppice::child_entry> entries;
  try {
    auto listing = coppice::supervisor_ref{supervisor}.which_children();
    entries = co_await std::move(listing);
  } catch (const boost::system::system_error& e) {
    if (e.code() != coppice::errc::noproc && e.code() != coppice::errc::wrong_type) throw;
  }
  for (const coppice::child_entry& entry : entries) {
    children.push_back(view_of(entry));
    if (entry.type != coppice::child_type::supervisor || !entry.process) continue;
    auto looking = children_of(entry.process);
    children.back().children = co_await std::move(looking);
  }
  co_return children;
}

struct key_press {};

asio::awaitable<void> tell_of_key(user_interface& ui, coppice::address<key_press> to) {
  auto reading = ui.read_key();
  co_await std::move(reading);
  to.send(key_press{});
}

}  // namespace

asio::awaitable<process_view> look_at(coppice::pid supervisor) {
  process_view view{.kind = process_view::kind_type::supervisor, .process = supervisor.to_string()};
  if (const auto about = coppice::info(supervisor)) view.id = about->label;
  auto looking = children_of(supervisor);
  view.children = co_await std::move(looking);
  co_return view;
}

std::string draw(const process_view& tree) {
  std::vector<row> rows{{"process", "kind", "pid", "restarts", "queue", "state"}};
  add_rows(tree, 0, rows);
  std::array<std::size_t, std::tuple_size_v<row>> widths{};
  for (const row& r : rows) {
    for (std::size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  }
  std::string text;
  for (const row& r : rows) {
    std::string line;
    for (std::size_t i = 0; i < r.size(); ++i) {
      std::string cell = r[i];
      cell.resize(widths[i] + 2, ' ');
      line += cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

asio::awaitable<void> observe(user_interface& ui) {
  using namespace std::chrono_literals;
  const coppice::pid tree = coppice::whereis(tree_name);
  const std::unique_ptr<user_interface::page> page = ui.open_page();
  if (!page) {
    auto looking = look_at(tree);
    ui.print(draw(co_await std::move(looking)));
    co_return;
  }
  // The key is waited for by a process of its own, linked to this one, which waits for it and for
  // time.
  coppice::mailbox<key_press> keys;
  coppice::spawn_link(tell_of_key(ui, keys.get_address()), "key");
  for (std::optional<key_press> pressed; !pressed;) {
    auto looking = look_at(tree);
    const process_view seen = co_await std::move(looking);
    page->show(draw(seen) + "\nany key leaves the observer\n");
    auto waiting = keys.receive(1s);
    pressed = co_await std::move(waiting);
  }
}

}  // namespace sequence
