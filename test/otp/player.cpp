#include "player.hpp"

#include <coppice.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <any>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
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

// What the collector is told: lines to write down, processes to watch, and how those ended. Whoever
// tells it something waits for its answer, as in the oracle; which of two supervisors that work
// side by side comes first depends on it.
struct note {
  std::string line;
  std::function<void()> answer;
};
using news = std::variant<note, coppice::down>;

// The oracle asks the supervisors in the order in which an Erlang hash table lists their names. No
// rule gives that order but the hash of the VM; this is it, for the names that the generator uses.
constexpr const char* table_order =
    "s24 s75 s48 s83 s37 s74 s17 s38 s10 root s2 s27 s34 s80 s15 s18 s96 s56 s28 s21 s77 s0 s5 s20 "
    "s72 "
    "s81 s91 s78 s26 s70 s57 s22 s58 s61 s49 s8 s55 s33 s94 s12 s30 s93 s66 s64 s46 s14 s41 s35 "
    "s95 s62 "
    "s39 s85 s31 s59 s4 s73 s43 s32 s23 s45 s97 s86 s19 s42 s98 s88 s40 s25 s60 s87 s84 s89 s11 "
    "s52 s1 "
    "s71 s9 s82 s79 s76 s6 s3 s90 s67 s16 s29 s65 s44 s53 s92 s69 s63 s54 s7 s13 s51 s50 s47 s68 "
    "s99 "
    "s36";

std::vector<std::string> in_table_order(const scenario& s) {
  std::vector<std::string> result;
  for (const std::string& name : split(table_order, ' ')) {
    if (s.sups.contains(name)) result.push_back(name);
  }
  for (const auto& [name, sup] : s.sups) {
    if (std::find(result.begin(), result.end(), name) == result.end()) result.push_back(name);
  }
  return result;
}

class player {
 public:
  player(const scenario& s, const turn_seeds& seeds) : scenario_{s}, seeds_{seeds} {
    coppice::set_report_sink(io_, [this](const coppice::report& r) { take(r); });
    coppice::mailbox<news> inbox;
    collector_ = inbox.get_address();
    coppice::spawn(io_, collect(std::move(inbox)));
    clock_.settle();
  }

  std::vector<std::string> play() {
    bool done = false;
    auto whole = [this, &done]() -> body {
      for (const words& line : scenario_.steps) co_await step(line);
      const words last{"stop"};
      co_await step(last);
      done = true;
    };
    coppice::spawn(io_, std::move(whole));
    while (!done && clock_.jump()) {
    }
    if (!done) throw std::runtime_error{scenario_.name + ": nothing can happen any more"};
    return std::move(trace_);
  }

 private:
  struct known {
    coppice::pid process;
    coppice::address<worker_message> inbox;
  };

  // ---- The collector

  body collect(coppice::mailbox<news> inbox) {
    inbox_ = &inbox;
    for (;;) {
      std::optional<news> n{co_await inbox.receive()};
      // All that has come by now, in one go.
      for (; n; n = inbox.try_receive()) take(std::move(*n));
    }
  }

  void take(news n) {
    if (auto* d = std::get_if<coppice::down>(&n)) {
      lines_.push_back("down " + watched_.at(d->process.number()) + ' ' + exit_name(d->reason));
      return;
    }
    auto& told = std::get<note>(n);
    if (!told.line.empty()) lines_.push_back(std::move(told.line));
    if (told.answer) after_turns(std::move(told.answer));
  }

  // How many turns whoever is ready has to wait for its own, beyond first come, first served.
  unsigned more_turns() {
    if (!random_) return 0;
    const auto n = static_cast<unsigned>((*random_)());
    return n % 4 == 0 ? 1 + n / 4 % 3 : 0;
  }
  void after_turns(std::function<void()> act) {
    const unsigned turns = more_turns();
    if (turns == 0) return act();
    auto later = [turns, act = std::move(act)]() -> body {
      for (unsigned i = 0; i < turns; ++i) co_await turn();
      act();
    };
    coppice::spawn(io_, std::move(later));
  }
  body wait_for_turn() {
    for (unsigned turns = more_turns(); turns > 0; --turns) co_await turn();
  }

  void tell(std::string line, std::function<void()> answer = {}) {
    collector_.send(note{std::move(line), std::move(answer)});
  }

  // Has the collector watch the process, and then does what is to be done.
  void watch(const std::string& id, coppice::pid process, std::function<void()> then) {
    tell({}, [this, id, process, then = std::move(then)] {
      watched_[process.number()] = id;
      coppice::monitor(process, *inbox_);
      then();
    });
  }

  // A word from the collector that the caller waits for.
  struct signal {
    coppice::mailbox<int> box;
    std::function<void()> give() {
      return [to = box.get_address()] { to.send(0); };
    }
  };

  // In OTP the start function runs in the supervisor, which tells the collector of the start and
  // only then spawns. Here it runs in the new process, and the supervisor says that it is about to.
  void take(const coppice::report& r) {
    if (std::holds_alternative<coppice::child_started>(r) ||
        std::holds_alternative<coppice::child_start_failed>(r)) {
      tell({});
    }
    const auto* starting = std::get_if<coppice::child_starting>(&r);
    if (starting == nullptr) return;
    std::string id{starting->child.id};
    // Those of a template share its id; what is started again had a name before.
    const auto sup = scenario_.sups.find(std::string{starting->child.supervisor});
    if (sup != scenario_.sups.end() && sup->second.strategy == "simple_one_for_one")
      id = starting->child.process ? ids_.at(starting->child.process.number()) : next_dynamic_;
    // A child that is being added brings its own line, even where its id was used before.
    if (!starting->child.process && added_ && added_->id == id) lines_of_[id] = *added_;
    about_to_start(id, is_sup(id));
  }

  void about_to_start(const std::string& id, bool sup) {
    std::string line = "start " + id + ' ' + std::to_string(++attempts_[id]);
    if (!sup) line += ' ' + outcome_of(id);
    const auto told = std::make_shared<signal>();
    told_[id] = told;
    after_turns([this, told, line = std::move(line)] { tell(line, told->give()); });
  }

  [[nodiscard]] std::string outcome_of(const std::string& id) const {
    const words& script = lines_of_.at(id).start;
    const std::size_t n = attempts_.at(id);
    return n <= script.size() ? script[n - 1] : "ok";
  }

  [[nodiscard]] bool is_sup(const std::string& id) const { return scenario_.sups.contains(id); }

  // ---- The tree

  // Turns of the run queue that OTP's supervisor takes where this one takes none.
  static asio::awaitable<void, coppice::executor> turn() { co_await coppice::sleep_for({}); }

  body sup_process(std::string name, std::function<void()> up) {
    const auto told = std::exchange(told_[name], nullptr);
    co_await told->box.receive();
    tell({});
    co_await turn();
    const coppice::pid me = coppice::self();
    auto life = be_sup(name, [this, name, me, up] { booted(name, me, up); });
    co_await std::move(life);
    co_await turn();
    tell("failed " + name + ' ' + std::to_string(attempts_[name]));
    co_await turn();
    co_await coppice::exit(exit_reason::error("scripted"));
  }

  // Returns if the start failed.
  body be_sup(std::string name, std::function<void()> up) {
    processes_[name] = {coppice::self(), {}};
    auto life = coppice::supervise(to_supervisor(name), std::move(up));
    const coppice::supervisor_end end = co_await life.end();
    if (end.why != coppice::supervisor_end::cause::start_failed) co_await coppice::exit(end.reason);
  }

  // The parent takes a turn, has the supervisor watched, and goes on.
  void booted(const std::string& name, coppice::pid me, const std::function<void()>& up) {
    auto parent = [this, name, me, up]() -> body {
      watch(name, me, up);
      co_return;
    };
    coppice::spawn(io_, std::move(parent));
  }

  coppice::supervisor_spec to_supervisor(const std::string& name) {
    const sup_line& line = scenario_.sups.at(name);
    coppice::supervisor_spec spec{.strategy = to_strategy(line.strategy),
                                  .intensity = static_cast<std::size_t>(line.max_restarts),
                                  .period = std::chrono::seconds{line.period_seconds},
                                  .auto_shutdown = to_mode(line.auto_shutdown)};
    for (const child_line& c : line.children) {
      lines_of_[c.id] = c;
      spec.children.push_back(to_spec(c, line));
    }
    return spec;
  }

  coppice::child_spec to_spec(const child_line& c, const sup_line& sup) {
    return to_child(c, sup)
        .with_restart(to_restart(c.restart))
        .with_shutdown(to_shutdown(c.shutdown))
        .with_significant(c.significant);
  }

  coppice::child_spec to_child(const child_line& c, const sup_line& sup) {
    if (c.supervisor) {
      auto start = [this, id = c.id](coppice::init_ack up) {
        return sup_process(id, [up] { up.ready(); });
      };
      return coppice::worker(c.id, std::move(start)).with_type(coppice::child_type::supervisor);
    }
    if (sup.strategy == "simple_one_for_one") {
      return coppice::template_worker<std::string>(
          c.id, [this](coppice::init_ack up, std::string id) { return worker(up, std::move(id)); });
    }
    return coppice::worker(c.id,
                           [this, id = c.id](coppice::init_ack up) { return worker(up, id); });
  }

  body worker(coppice::init_ack up, std::string id) {
    const std::string outcome = outcome_of(id);
    const auto told = std::exchange(told_[id], nullptr);
    ids_[coppice::self().number()] = id;
    if (outcome == "ignore") co_await up.ignore();
    if (outcome == "error") co_await up.fail(exit_reason::error("scripted"));
    if (outcome == "crash") throw std::runtime_error{"scripted"};

    coppice::mailbox<worker_message> inbox;
    coppice::trap_exit(inbox);
    const coppice::pid me = coppice::self();
    processes_[id] = {me, inbox.get_address()};
    co_await told->box.receive();
    tell({});
    co_await turn();
    co_await turn();
    watch(id, me, [up] { up.ready(); });
    const std::string stop = lines_of_.at(id).stop;
    for (;;) {
      const worker_message m = co_await inbox.receive();
      if (const auto* d = std::get_if<die>(&m)) {
        co_await wait_for_turn();
        co_await coppice::exit(d->reason);
      }
      const exit_reason asked = std::get<coppice::exit_signal>(m).reason;
      co_await wait_for_turn();
      signal written;
      tell("stop " + id + ' ' + exit_name(asked), written.give());
      co_await written.box.receive();
      tell({});
      if (stop == "obey") co_await coppice::exit(asked);
      if (stop == "normal") co_return;
      if (stop == "error") co_await coppice::exit(exit_reason::error("scripted"));
    }
  }

  // ---- Steps

  using text = asio::awaitable<std::string, coppice::executor>;

  body step(words line) {
    std::string shown;
    for (const std::string& word : line) shown += (shown.empty() ? "" : " ") + word;
    trace_.push_back("> " + shown);
    random_.reset();
    if (const auto seed = seeds_.find(step_++); seed != seeds_.end()) random_.emplace(seed->second);
    const std::string result = co_await act(line);
    co_await come_to_rest();
    close_step();
    trace_.push_back("= " + result);
  }

  // As the oracle does it, because its questions give supervisors turns: ask all of them, wait a
  // millisecond, and so on until nothing was seen three times in a row.
  body come_to_rest() {
    std::size_t seen = static_cast<std::size_t>(-1);
    for (int left = 3; left > 0;) {
      for (const std::string& name : listed_) {
        const coppice::pid p = find(name);
        if (!p) continue;
        co_await wait_for_turn();
        const auto answer = co_await coppice::supervisor_handle{p}.which_children()(quiet);
        static_cast<void>(answer);
      }
      co_await coppice::sleep_for(std::chrono::milliseconds{1});
      co_await ask();
      left = lines_.size() == seen ? left - 1 : 3;
      seen = lines_.size();
    }
  }

  body ask() {
    signal answered;
    tell({}, answered.give());
    co_await answered.box.receive();
    tell({});
  }

  // Stop and down lines of dynamic children come in no fixed order: they stand, sorted, at the end.
  void close_step() {
    std::vector<std::string> loose;
    for (std::string& line : std::exchange(lines_, {})) {
      const words w = split(line, ' ');
      const bool is_loose =
          (w[0] == "stop" || w[0] == "down") && w[1].find('#') != std::string::npos;
      (is_loose ? loose : trace_).push_back(std::move(line));
    }
    std::sort(loose.begin(), loose.end());
    trace_.insert(trace_.end(), loose.begin(), loose.end());
  }

  coppice::pid find(const std::string& id) const {
    const auto found = processes_.find(id);
    return found != processes_.end() && found->second.process.alive() ? found->second.process
                                                                      : coppice::pid{};
  }

  text act(words line) {
    const std::string& verb = line[0];
    if (verb == "start") co_return co_await start();
    if (verb == "stop") co_return co_await stop();
    if (verb == "exit") {
      const words only(1, line.at(1));
      const bool any = co_await exit_all(only, line.at(2));
      co_return any ? "ok" : "noproc";
    }
    if (verb == "exit_all") {
      const words all(line.begin() + 2, line.end());
      co_await exit_all(all, line.at(1));
      co_return "ok";
    }
    if (verb == "sleep") {
      co_await coppice::sleep_for(std::chrono::milliseconds{std::stoi(line.at(1))});
      co_return "ok";
    }
    co_return co_await call(line);
  }

  text start() {
    const std::string root = scenario_.root;
    signal told;
    tell("start " + root + ' ' + std::to_string(++attempts_[root]), told.give());
    co_await told.box.receive();
    tell({});

    auto answered = std::make_shared<coppice::mailbox<bool>>();
    auto main = [this, root, answered]() -> body {
      const auto inbox = answered->get_address();
      auto life = be_sup(root, [inbox] { inbox.send(true); });
      co_await std::move(life);
      inbox.send(false);
    };
    const coppice::pid process = coppice::spawn(io_, std::move(main));
    if (co_await answered->receive()) {
      signal watched;
      watch(root, process, watched.give());
      co_await watched.box.receive();
      tell({});
      co_return "ok";
    }
    signal written;
    tell("failed " + root + ' ' + std::to_string(attempts_[root]), written.give());
    co_await written.box.receive();
    tell({});
    co_return "error start_failed";
  }

  text stop() {
    const coppice::pid root = find(scenario_.root);
    if (!root) co_return "noproc";
    co_await coppice::supervisor_handle{root}.stop(coppice::exit_reason::shutdown());
    co_return "ok";
  }

  // All of them are told before any supervisor has run.
  asio::awaitable<bool, coppice::executor> exit_all(words ids, std::string reason) {
    std::vector<coppice::pid> told;
    coppice::mailbox<coppice::down> ends;
    for (const std::string& id : ids) {
      if (const coppice::pid p = find(id)) {
        told.push_back(p);
        coppice::monitor(p, ends);
      }
    }
    for (const coppice::pid& p : told) {
      if (reason == "kill") {
        coppice::kill(p);
      } else {
        processes_.at(watched_.at(p.number())).inbox.send(die{to_reason(reason)});
      }
    }
    for (std::size_t i = 0; i < told.size(); ++i) co_await ends.receive();
    co_return !told.empty();
  }

  // ---- Calls to supervisors

  text call(words line) {
    const std::string& verb = line[0];
    const std::string& sup_name = line.at(1);
    const coppice::pid p = find(sup_name);
    if (!p) co_return "noproc";
    const coppice::supervisor_ref sup{p};
    const coppice::simple_one_for_one_ref<std::string> by_template{p};
    const sup_line& declared = scenario_.sups.at(sup_name);
    const bool dynamic = declared.strategy == "simple_one_for_one";

    if (verb == "start_child") {
      if (line.size() == 2) {
        next_dynamic_ = sup_name + '#' + std::to_string(++dynamic_starts_[sup_name]);
        lines_of_[next_dynamic_] = lines_of_.at(declared.children.front().id);
        co_return co_await started(by_template.start_child(next_dynamic_));
      }
      added_ = read_child(line, 2);
      const std::string answer = co_await started(sup.start_child(to_spec(*added_, declared)));
      added_.reset();
      co_return answer;
    }
    if (verb == "which_children") co_return co_await which(sup);
    if (verb == "count_children") co_return co_await count(sup);

    const std::string& id = line.at(2);
    if (dynamic && verb == "terminate_child") {
      const coppice::pid child =
          processes_.contains(id) ? processes_.at(id).process : coppice::pid{};
      const auto [ec] = co_await by_template.terminate_child(child)(quiet);
      // Where coppice follows Elixir: a child that has ended is not found. OTP answers ok for it.
      co_return ec == coppice::errc::not_found && !child.alive() ? "ok" : name(ec);
    }
    if (verb == "terminate_child") {
      const auto [ec] = co_await sup.terminate_child(id)(quiet);
      co_return name(ec);
    }
    if (verb == "delete_child") {
      const auto [ec] = co_await sup.delete_child(id)(quiet);
      co_return name(ec);
    }
    if (verb == "restart_child") {
      const auto [ec, child] = co_await sup.restart_child(id)(quiet);
      co_return name(ec, child);
    }
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

  static std::string name(boost::system::error_code ec, const coppice::started_child& c) {
    return !ec && !c.process ? "ok undefined" : name(ec);
  }

  static text started(coppice::child_start adding) {
    const auto [ec, child] = co_await adding.ready()(quiet);
    co_return name(ec, child);
  }

  text which(coppice::supervisor_ref sup) {
    const auto [ec, listing] = co_await sup.which_children()(quiet);
    if (ec) co_return "noproc";
    std::vector<std::string> rows;
    for (const coppice::child_entry& c : listing) {
      // Those of a template share its id.
      const auto known = c.process ? watched_.find(c.process.number()) : watched_.end();
      std::string id = known != watched_.end() ? known->second : c.id;
      if (id.empty()) id = "?";
      rows.push_back(id + (c.type == coppice::child_type::supervisor ? ":supervisor" : ":worker") +
                     (c.process      ? ":running"
                      : c.restarting ? ":restarting"
                                     : ":stopped"));
    }
    std::sort(rows.begin(), rows.end());
    std::string result = "children";
    for (const std::string& row : rows) result += ' ' + row;
    co_return result;
  }

  text count(coppice::supervisor_ref sup) {
    const auto [ec, c] = co_await sup.count_children()(quiet);
    if (ec) co_return "noproc";
    co_return "count specs=" + std::to_string(c.specs) + " active=" + std::to_string(c.active) +
        " supervisors=" + std::to_string(c.supervisors) + " workers=" + std::to_string(c.workers);
  }

  // Completes with the error code instead of throwing it.
  static constexpr asio::as_tuple_t<asio::use_awaitable_t<coppice::executor>> quiet{};

  const scenario& scenario_;
  const turn_seeds& seeds_;
  std::size_t step_ = 0;
  std::optional<std::minstd_rand> random_;
  std::vector<std::string> listed_ = in_table_order(scenario_);
  std::vector<std::string> trace_;
  std::vector<std::string> lines_;  // of this step
  coppice::address<news> collector_;
  coppice::mailbox<news>* inbox_ = nullptr;
  std::map<std::string, child_line> lines_of_;
  std::optional<child_line> added_;
  std::map<std::string, std::shared_ptr<signal>> told_;
  std::map<std::string, std::size_t> attempts_;
  std::map<std::string, std::size_t> dynamic_starts_;
  std::string next_dynamic_;
  std::map<std::string, known> processes_;
  std::map<std::uint64_t, std::string> watched_;
  std::map<std::uint64_t, std::string> ids_;  // of all workers that ever began to start
  asio::io_context io_{1};
  coppice::virtual_clock clock_{io_};
};

}  // namespace

std::vector<std::string> play(const scenario& s, const turn_seeds& seeds) {
  return player{s, seeds}.play();
}
