#include <coppice/dump.hpp>

#include "symbol.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/process_info.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <unordered_map>

namespace coppice {

namespace {

using detail::process;
using detail::scheduler;
using detail::task_promise_base;
using detail::wait_kind;

constexpr std::size_t most_frames = 32;

// Gives the addresses of the suspended functions.
std::vector<const void*> functions_of(process& p) {
  std::vector<const void*> functions;
  const auto add = [&functions](const void* frame) {
    // Every compiler puts the function that resumes a coroutine first into its frame.
    functions.push_back(*static_cast<const void* const*>(frame));
  };
  if (!p.life.has_frames()) return functions;
  if (p.runner == nullptr) {
    const auto* t = static_cast<const task_promise_base*>(p.innermost);
    while (t != nullptr && functions.size() < most_frames) {
      add(t->frame.address());
      t = t->awaiter != nullptr ? t->awaiter->parent : nullptr;
    }
  } else if (p.runner->frames != nullptr && p.outermost != nullptr) {
    std::array<void*, most_frames> room{};
    const std::size_t n = p.runner->frames(p.outermost, room);
    for (void* frame : std::span{room}.first(n)) add(frame);
  }
  return functions;
}

std::vector<std::string> frame_names_of(const std::vector<const void*>& functions) {
  std::vector<std::string> names;
  names.reserve(functions.size());
  for (const void* f : functions) names.push_back(detail::symbol_at(f));
  return names;
}

std::string_view word_for_state(const process& p) {
  if (p.life.is_spawned()) return "spawned";
  if (p.life.is_exiting()) return "exiting";
  if (p.home.current() == &p) return "running";
  return p.stop.was_asked() ? "stopping" : "waiting";
}

std::string_view words(wait_kind k) {
  switch (k) {
    case wait_kind::other: break;
    case wait_kind::message: return "a message";
    case wait_kind::answer: return "an answer";
    case wait_kind::time: return "time to pass";
    case wait_kind::process: return "the end of a process";
    case wait_kind::task: return "a task";
    case wait_kind::permit: return "a permit";
    case wait_kind::children: return "its children";
    case wait_kind::request: return "a supervisor";
    case wait_kind::deadline: return "something with a deadline";
  }
  return "";
}

std::string name_of(const process& p) {
  return std::string{p.extras && !p.extras->name.empty() ? std::string_view{p.extras->name}
                                                         : p.label()};
}

std::string awaited_by(process& p) {
  if (p.waits.empty()) return {};
  const detail::behaviour* const b = p.behaviour();
  if (process* const other = b != nullptr ? detail::access::slot(b->awaited()) : nullptr) {
    return "the answer of " + name_of(*other) + ' ' + other->id().to_string();
  }
  wait_kind kind = wait_kind::other;
  for (detail::list_hook* h = p.waits.front(); h != nullptr; h = p.waits.after(h)) {
    kind = static_cast<const detail::waiter*>(h)->kind;
    if (kind != wait_kind::deadline) break;  // what it waits for tells more than until when
  }
  return std::string{words(kind)};
}

process_state describe(process& p) {
  process_state s;
  s.id = p.id();
  s.name = name_of(p);
  s.parent = p.spawner;
  const detail::behaviour* const b = p.behaviour();
  s.kind = b != nullptr ? b->kind() : "process";
  s.state = word_for_state(p);
  if (s.state != "running") s.waits_for = awaited_by(p);
  if (!p.life.is_spawned()) s.rests = std::chrono::milliseconds{p.home.rested_for(p)};
  if (b != nullptr) s.messages = b->messages();
  if (p.watcher != nullptr) s.restarts = p.watcher->restarts_of(p.tag);
  s.stack = frame_names_of(functions_of(p));
  return s;
}

// Gives the number of messages that wait in the mailboxes of each process, by its number.
std::unordered_map<std::uint64_t, std::size_t> messages_in_mailboxes(scheduler& s) {
  std::unordered_map<std::uint64_t, std::size_t> messages;
  for (detail::list_hook* m = s.members().first(); m != nullptr; m = s.members().after(m)) {
    const auto* const box =
        dynamic_cast<detail::mailbox_core*>(static_cast<detail::loop_member*>(m));
    if (box != nullptr && box->size > 0) messages[box->user.number()] += box->size;
  }
  return messages;
}

// Puts children behind their parents, in the order of their pids.
std::vector<process_state> as_tree(std::vector<process_state> all) {
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> children;
  std::unordered_map<std::uint64_t, std::size_t> known;
  for (std::size_t i = 0; i < all.size(); ++i) known.emplace(all[i].id.number(), i);
  std::vector<std::size_t> to_visit;
  for (std::size_t i = all.size(); i-- > 0;) {
    if (known.contains(all[i].parent.number())) {
      children[all[i].parent.number()].push_back(i);
    } else {
      to_visit.push_back(i);
    }
  }
  std::vector<process_state> tree;
  tree.reserve(all.size());
  while (!to_visit.empty()) {
    const std::size_t next = to_visit.back();
    to_visit.pop_back();
    for (const std::size_t child : children[all[next].id.number()]) to_visit.push_back(child);
    tree.push_back(std::move(all[next]));
  }
  return tree;
}

std::string line_of(const process_state& s) {
  std::string line = s.id.to_string();
  if (!s.name.empty()) line += ' ' + s.name;
  if (s.kind != "process") line += " (" + std::string{s.kind} + ')';
  line += s.state == "waiting" ? " waits" : ' ' + std::string{s.state};
  if (!s.waits_for.empty()) {
    line += (s.state == "waiting" ? " for " : ", waits for ") + s.waits_for;
  }
  char time[32];
  std::snprintf(time, sizeof time, ", %.1f s", std::chrono::duration<double>{s.rests}.count());
  if (s.state != "running" && s.state != "spawned") line += time;
  const auto count = [&line](std::size_t n, const char* what) {
    if (n > 0) line += ", " + std::to_string(n) + ' ' + what + (n > 1 ? "s" : "");
  };
  count(s.messages, "message");
  count(s.restarts, "restart");
  return line;
}

}  // namespace

std::vector<std::string> stack_of(const pid& target) {
  if (const scheduler* home = detail::access::home(target)) home->check_thread("stack_of");
  process* const p = detail::access::slot(target);
  return p != nullptr ? frame_names_of(functions_of(*p)) : std::vector<std::string>{};
}

std::optional<process_state> process_state_of(const pid& target) {
  scheduler* const home = detail::access::home(target);
  if (home != nullptr) home->check_thread("process_state_of");
  process* const p = detail::access::slot(target);
  if (p == nullptr) return std::nullopt;
  process_state s = describe(*p);
  s.messages += messages_in_mailboxes(*home)[target.number()];
  return s;
}

std::vector<process_state> process_states(asio::io_context& io) {
  scheduler& s = scheduler::of(io, "process_states");
  const auto in_mailboxes = messages_in_mailboxes(s);
  std::vector<process_state> all;
  for (const pid& id : s.processes()) {
    all.push_back(describe(*detail::access::slot(id)));
    if (const auto found = in_mailboxes.find(id.number()); found != in_mailboxes.end()) {
      all.back().messages += found->second;
    }
  }
  return as_tree(std::move(all));
}

std::string dump(asio::io_context& io) {
  std::string text;
  std::unordered_map<std::uint64_t, std::size_t> depths;
  for (const process_state& s : process_states(io)) {
    const auto parent = depths.find(s.parent.number());
    const std::size_t depth = parent != depths.end() ? parent->second + 1 : 0;
    depths.emplace(s.id.number(), depth);
    text.append(2 * depth, ' ').append(line_of(s)) += '\n';
    for (const std::string& frame : s.stack) text.append(2 * depth + 4, ' ').append(frame) += '\n';
  }
  return text;
}

}  // namespace coppice
