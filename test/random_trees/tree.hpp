#pragma once

#include "ledger.hpp"

#include <coppice.hpp>
#include <coppice/simulation.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

// A tree of everything that coppice has, drawn from the seed, and what is known of it.
struct random_tree {
  explicit random_tree(coppice::simulation& s) : play{s}, book{s}, keys{s.io()}, groups{s.io()} {}

  coppice::supervisor_spec draw();
  // Nobody has done anything for minutes.
  void check_at_rest();
  // Nothing is left of it.
  void check_gone();

  [[nodiscard]] std::chrono::milliseconds draw_time(std::uint64_t most_ms) {
    return std::chrono::milliseconds{1 + play.draw(most_ms)};
  }
  // The gates that children wait for are names, which come and go.
  static std::string gate(std::uint64_t n) { return std::string{"gate"}.append(std::to_string(n)); }
  [[nodiscard]] std::string any_gate() { return gate(play.draw(gates)); }
  // Any of them, or nothing if there is none.
  template <class T>
  std::optional<T> any(const std::vector<T>& of) {
    if (of.empty()) return std::nullopt;
    return of[play.draw(of.size())];
  }

  static constexpr std::uint64_t gates = 2;
  coppice::simulation& play;
  ledger book;
  bool up = false;     // it has been started whole
  bool quiet = false;  // nobody does harm any more

  std::vector<std::string> counters;             // names of servers
  std::map<std::string, std::size_t> queue_limits;  // of those that have one
  std::vector<std::string> kept_counters;        // of these, whose state is in the stash
  std::vector<std::string> agents;
  std::vector<std::string> dynamic_supervisors;
  std::vector<std::string> template_supervisors;
  std::vector<std::string> task_supervisors;
  std::vector<std::string> partition_supervisors;
  std::vector<std::string> static_supervisors;
  std::vector<std::pair<std::string, std::string>> managed;  // supervisor, id: terminated and so on
  std::optional<boost::asio::ip::tcp::endpoint> endpoint;
  coppice::unique_registry<std::string> keys;
  coppice::duplicate_registry<std::string> groups;
  coppice::semaphore permits{1};
  int permits_held = 0;
  std::map<std::string, int> resizes;  // of each partition supervisor, so far

 private:
  // What has a name, and is never down for long.
  [[nodiscard]] std::vector<std::string> names() const;
  coppice::supervisor_spec draw_supervisor(const std::string& name, int depth);
  coppice::child_spec draw_child(const std::string& id, int depth);
  coppice::child_spec draw_worker(const std::string& id);
  coppice::child_spec draw_server(const std::string& id);
  coppice::child_spec draw_nested(const std::string& id, int depth);
  bool alone_ = false;               // the next child is restarted alone
  bool may_be_significant_ = false;  // the next child
  coppice::child_spec with_terms(coppice::child_spec spec);
  coppice::child_spec with_gate(coppice::child_spec spec);
  void draw_budget(const std::string& name, std::size_t& intensity,
                   std::chrono::steady_clock::duration& period);
};

// A server that counts.
class counter {
 public:
  struct add {
    using reply = int;
  };
  struct add_and_save {
    using reply = int;
  };
  struct add_slowly {
    using reply = int;
    std::chrono::milliseconds time;
  };
  struct add_later {  // answered by the next message
    using reply = int;
  };
  struct poke {};
  struct crash {};
  struct leave {
    bool abnormal;
  };

  counter(random_tree& in, const std::string& name) : life_{in.book, name}, in_{in} {}

  int handle(add) { return ++count_; }
  boost::asio::awaitable<int> handle(add_and_save);
  coppice::task<int> handle(add_slowly m);
  void handle(const add_later&, coppice::reply_to<int> to) { waiting_.push_back(std::move(to)); }
  void handle(poke);
  [[noreturn]] void handle(crash) { throw std::runtime_error{"crash"}; }
  void handle(leave m) {
    coppice::this_server::stop(m.abnormal ? coppice::exit_reason::error("left")
                                          : coppice::exit_reason::normal());
  }

  int state() const { return count_; }
  void restore(int count) { count_ = count; }

 private:
  ledger::life life_;
  random_tree& in_;
  int count_ = 0;
  std::vector<coppice::reply_to<int>> waiting_;
};

// What clients do is such coroutines, to which an error is a result.
using client_action = boost::asio::awaitable<void>;
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

// Holds the permit of the tree for a while.
coppice::task<void> hold_a_permit(random_tree& in);

// Actions of a client. Linked processes end together, or are told.
client_action be_linked(random_tree& in);
client_action harm_somebody(random_tree& in);
// Delayed messages come when they are due, or not at all.
client_action be_reminded(random_tree& in);
// Everything that a client does, until the tree is quiet.
client_action act_at_random(random_tree& in);
