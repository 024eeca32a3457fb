#include "player.hpp"

#include <coppice.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <any>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <variant>

namespace asio = boost::asio;
using coppice::exit_reason;

namespace {

using body = asio::awaitable<void, coppice::executor>;

std::string exit_name(const exit_reason& r) {
  switch (r.kind()) {
    case exit_reason::kind_type::normal: return "normal";
    case exit_reason::kind_type::shutdown: return r.note().empty() ? "shutdown" : "shutdown_term";
    case exit_reason::kind_type::killed: return "killed";
    default: return "error";
  }
}

exit_reason to_reason(const std::string& name) {
  if (name == "normal") return exit_reason::normal();
  if (name == "shutdown") return exit_reason::shutdown();
  if (name == "shutdown_term") return exit_reason::shutdown("term");
  if (name == "kill") return exit_reason::kill();
  return exit_reason::error("scripted");
}

coppice::strategy to_strategy(const std::string& name) {
  if (name == "one_for_one") return coppice::one_for_one;
  if (name == "one_for_all") return coppice::one_for_all;
  if (name == "rest_for_one") return coppice::rest_for_one;
  return coppice::simple_one_for_one;
}

coppice::auto_shutdown to_mode(const std::string& name) {
  if (name == "any_significant") return coppice::auto_shutdown::any_significant;
  if (name == "all_significant") return coppice::auto_shutdown::all_significant;
  return coppice::auto_shutdown::never;
}

coppice::restart to_restart(const std::string& name) {
  if (name == "transient") return coppice::transient;
  if (name == "temporary") return coppice::temporary;
  return coppice::permanent;
}

coppice::shutdown to_shutdown(const std::string& name) {
  if (name == "brutal_kill") return coppice::brutal_kill;
  if (name == "infinity") return coppice::infinity;
  return std::chrono::milliseconds{std::stoi(name)};
}

// What a worker is told by the player.
struct die {
  exit_reason reason;
};
using worker_message = std::variant<std::monostate, die, coppice::exit_signal>;

// What the collector gets: lines, and the ends of processes, in the order in which they happen.
using news = std::variant<std::string, coppice::down>;

class player {
 public:
  explicit player(const scenario& s) : scenario_{s} {
    coppice::set_report_sink(io_, [this](const coppice::report& r) { take(r); });
  }

  std::vector<std::string> play() {
    for (const words& line : scenario_.steps) step(line);
    step({"stop"});
    return std::move(trace_);
  }

 private:
  struct known {
    coppice::pid process;
    coppice::address<worker_message> inbox;
  };

  void log(std::string line) { collector_.get_address().send(news{std::move(line)}); }

  // A supervisor counts as watched once it is up; a failed start is told as such.
  void take(const coppice::report& r) {
    if (const auto* up = std::get_if<coppice::child_started>(&r)) {
      if (is_sup(up->child.id)) up_.insert(up->child.process.number());
    } else if (const auto* failed = std::get_if<coppice::child_start_failed>(&r)) {
      if (is_sup(failed->child.id)) log_failed(std::string{failed->child.id});
    }
  }

  bool is_sup(std::string_view id) const {
    return scenario_.sups.contains(std::string{id});
  }

  void log_failed(const std::string& sup) {
    log("failed " + sup + ' ' + std::to_string(attempts_[sup]));
  }

  // ---- The tree

  coppice::supervisor_spec init_sup(const std::string& name) {
    log("start " + name + ' ' + std::to_string(++attempts_[name]));
    const coppice::pid me = coppice::self();
    watched_[me.number()] = name;
    processes_[name] = {me, {}};
    coppice::monitor(me, collector_);
    const sup_line& line = scenario_.sups.at(name);
    coppice::supervisor_spec spec{
        .strategy = to_strategy(line.strategy),
        .intensity = {.restarts = static_cast<std::size_t>(line.max_restarts),
                      .within = std::chrono::seconds{line.period_seconds}},
        .auto_shutdown = to_mode(line.auto_shutdown)};
    for (const child_line& c : line.children) spec.children.push_back(to_spec(c, line));
    return spec;
  }

  coppice::child_spec to_spec(const child_line& c, const sup_line& sup) {
    const coppice::child_options options{.restart = to_restart(c.restart),
                                         .shutdown = to_shutdown(c.shutdown),
                                         .significant = c.significant};
    if (c.supervisor) {
      return coppice::supervisor(c.id, [this, id = c.id] { return init_sup(id); }, options);
    }
    if (sup.strategy == "simple_one_for_one") {
      return coppice::template_worker<std::string>(
          c.id,
          [this, c](coppice::init_ack up, std::string id) {
            child_line own = c;
            own.id = std::move(id);
            return worker(up, std::move(own));
          },
          options);
    }
    return coppice::worker(
        c.id, [this, c](coppice::init_ack up) { return worker(up, c); }, options);
  }

  body worker(coppice::init_ack up, child_line line) {
    const std::size_t n = ++attempts_[line.id];
    const std::string outcome = n <= line.start.size() ? line.start[n - 1] : "ok";
    log("start " + line.id + ' ' + std::to_string(n) + ' ' + outcome);
    if (outcome == "ignore") co_await up.ignore();
    if (outcome == "error") co_await up.fail(exit_reason::error("scripted"));
    if (outcome == "crash") throw std::runtime_error{"scripted"};

    coppice::mailbox<worker_message> inbox;
    coppice::trap_exit(inbox);
    const coppice::pid me = coppice::self();
    watched_[me.number()] = line.id;
    up_.insert(me.number());
    processes_[line.id] = {me, inbox.get_address()};
    coppice::monitor(me, collector_);
    up.ready();
    for (;;) {
      const worker_message m = co_await inbox.receive();
      if (const auto* d = std::get_if<die>(&m)) co_await coppice::exit(d->reason);
      const exit_reason asked = std::get<coppice::exit_signal>(m).reason;
      log("stop " + line.id + ' ' + exit_name(asked));
      if (line.stop == "obey") co_await coppice::exit(asked);
      if (line.stop == "normal") co_return;
      if (line.stop == "error") co_await coppice::exit(exit_reason::error("scripted"));
    }
  }

  // ---- Steps

  // Until nothing moves any more: time passes only for children that take no notice of a stop.
  void come_to_rest() {
    do {
      clock_.settle();
    } while (clock_.jump());
  }

  void step(const words& line) {
    std::string text;
    for (const std::string& word : line) text += (text.empty() ? "" : " ") + word;
    log("> " + text);
    std::string result = act(line);
    come_to_rest();
    log("= " + result);
    close_step();
  }

  // Stop and down lines of dynamic children come in no fixed order: they stand, sorted, at the end.
  void close_step() {
    std::vector<std::string> firm;
    std::vector<std::string> loose;
    while (auto n = collector_.try_receive()) {
      std::string line;
      if (auto* text = std::get_if<std::string>(&*n)) {
        line = std::move(*text);
      } else {
        const auto& d = std::get<coppice::down>(*n);
        if (!up_.contains(d.process.number())) continue;
        line = "down " + watched_.at(d.process.number()) + ' ' + exit_name(d.reason);
      }
      const words w = split(line, ' ');
      const bool is_loose = (w[0] == "stop" || w[0] == "down") && w[1].find('#') != std::string::npos;
      (is_loose ? loose : firm).push_back(std::move(line));
    }
    std::sort(loose.begin(), loose.end());
    const std::string result = std::move(firm.back());
    firm.pop_back();
    trace_.insert(trace_.end(), firm.begin(), firm.end());
    trace_.insert(trace_.end(), loose.begin(), loose.end());
    trace_.push_back(result);
  }

  coppice::pid find(const std::string& id) const {
    const auto found = processes_.find(id);
    return found != processes_.end() && found->second.process.alive() ? found->second.process
                                                                       : coppice::pid{};
  }

  std::string act(const words& line) {
    const std::string& verb = line[0];
    if (verb == "start") return start();
    if (verb == "stop") return stop();
    if (verb == "exit") return exit_all({line.at(1)}, line.at(2)) ? "ok" : "noproc";
    if (verb == "exit_all") {
      exit_all({line.begin() + 2, line.end()}, line.at(1));
      return "ok";
    }
    if (verb == "sleep") {
      clock_.advance(std::chrono::milliseconds{std::stoi(line.at(1))});
      return "ok";
    }
    return call(line);
  }

  std::string start() {
    const coppice::supervisor_ref root =
        coppice::start_supervisor(io_, [this] { return init_sup(scenario_.root); });
    bool ok = false;
    root.ready()([&ok](boost::system::error_code ec) { ok = !ec; });
    come_to_rest();
    if (ok) {
      up_.insert(root.get_pid().number());
      return "ok";
    }
    log_failed(scenario_.root);
    return "error start_failed";
  }

  std::string stop() {
    const coppice::pid root = find(scenario_.root);
    if (!root) return "noproc";
    coppice::supervisor_handle{root}.stop()([](boost::system::error_code) {});
    return "ok";
  }

  // All of them are told before any supervisor has run.
  bool exit_all(const words& ids, const std::string& reason) {
    bool any = false;
    for (const std::string& id : ids) {
      const coppice::pid p = find(id);
      if (!p) continue;
      any = true;
      if (reason == "kill") {
        coppice::kill(p);
      } else {
        processes_.at(id).inbox.send(die{to_reason(reason)});
      }
    }
    return any;
  }

  // ---- Calls to supervisors

  std::string call(const words& line) {
    const std::string& verb = line[0];
    const std::string& sup_name = line.at(1);
    const coppice::pid p = find(sup_name);
    if (!p) return "noproc";
    const coppice::supervisor_ref sup{p};
    const sup_line& declared = scenario_.sups.at(sup_name);
    const bool dynamic = declared.strategy == "simple_one_for_one";

    if (verb == "start_child") {
      if (line.size() == 2) {
        const std::size_t k = ++dynamic_starts_[sup_name];
        return started(sup.start_child(std::any{sup_name + '#' + std::to_string(k)}));
      }
      return started(sup.start_child(to_spec(read_child(line, 2), declared)));
    }
    if (verb == "which_children") return which(sup);
    if (verb == "count_children") return count(sup);

    const std::string& id = line.at(2);
    if (dynamic && verb == "terminate_child") {
      const coppice::pid child = processes_.contains(id) ? processes_.at(id).process : coppice::pid{};
      std::string answer = result(sup.terminate_child(child));
      // Where coppice follows Elixir: a child that has ended is not found. OTP answers ok for it.
      if (answer == "error not_found" && !child.alive()) answer = "ok";
      return answer;
    }
    if (verb == "terminate_child") return result(sup.terminate_child(id));
    if (verb == "delete_child") return result(sup.delete_child(id));
    if (verb == "restart_child") return started_result(sup.restart_child(id));
    throw std::runtime_error{"unknown step: " + verb};
  }

  static std::string name(boost::system::error_code ec) {
    if (!ec) return "ok";
    if (ec == coppice::errc::noproc) return "noproc";
    if (ec == coppice::errc::not_found) return "error not_found";
    if (ec == coppice::errc::running) return "error running";
    if (ec == coppice::errc::restarting) return "error restarting";
    if (ec == coppice::errc::already_started) return "error already_started";
    if (ec == coppice::errc::already_present) return "error already_present";
    if (ec == coppice::errc::simple_one_for_one) return "error simple_one_for_one";
    return "error start_failed";
  }

  template <class Operation>
  std::string result(Operation&& operation) {
    std::string text = "no answer";
    std::move(operation)([&text](boost::system::error_code ec) { text = name(ec); });
    come_to_rest();
    return text;
  }

  template <class Operation>
  std::string started_result(Operation&& operation) {
    std::string text = "no answer";
    std::move(operation)([&text](boost::system::error_code ec, const coppice::started_child& c) {
      text = name(ec);
      if (!ec && !c.process) text = "ok undefined";
    });
    come_to_rest();
    return text;
  }

  std::string started(coppice::child_start adding) { return started_result(adding.ready()); }

  std::string which(const coppice::supervisor_ref& sup) {
    std::string text = "noproc";
    sup.which_children()(
        [&](boost::system::error_code ec, const std::vector<coppice::child_entry>& listing) {
          if (ec) return;
          std::vector<std::string> rows;
          for (const coppice::child_entry& c : listing) {
            std::string id = c.id;
            if (id.empty()) id = c.process ? watched_.at(c.process.number()) : "?";
            rows.push_back(id + (c.type == coppice::child_type::supervisor ? ":supervisor" : ":worker") +
                           (c.process ? ":running" : c.restarting ? ":restarting" : ":stopped"));
          }
          std::sort(rows.begin(), rows.end());
          text = "children";
          for (const std::string& row : rows) text += ' ' + row;
        });
    come_to_rest();
    return text;
  }

  std::string count(const coppice::supervisor_ref& sup) {
    std::string text = "noproc";
    sup.count_children()([&](boost::system::error_code ec, const coppice::child_counts& c) {
      if (ec) return;
      text = "count specs=" + std::to_string(c.specs) + " active=" + std::to_string(c.active) +
             " supervisors=" + std::to_string(c.supervisors) + " workers=" + std::to_string(c.workers);
    });
    come_to_rest();
    return text;
  }

  const scenario& scenario_;
  std::vector<std::string> trace_;
  coppice::mailbox<news> collector_;
  std::map<std::string, std::size_t> attempts_;
  std::map<std::string, std::size_t> dynamic_starts_;
  std::map<std::string, known> processes_;
  std::map<std::uint64_t, std::string> watched_;
  std::set<std::uint64_t> up_;
  asio::io_context io_{1};
  coppice::virtual_clock clock_{io_};
};

}  // namespace

std::vector<std::string> play(const scenario& s) { return player{s}.play(); }
