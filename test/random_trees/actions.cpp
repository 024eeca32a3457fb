#include "tree.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::ip::tcp;

// The actions of clients. They suffer no faults of their own, so that what they wait for has to
// come in time.

namespace {

client_action call_a_counter(random_tree& in) {
  const auto name = in.any(in.counters);
  if (!name) co_return;
  const coppice::server_ref<counter> ref{*name};
  const auto limit = in.draw_time(400);
  const auto timed = in.book.begin_call(limit);
  switch (in.play.draw(4)) {
    case 0: {
      const auto before = in.book.count_of(*name);
      auto call = ref.call(counter::add{}, limit);
      const auto [failed, value] = co_await std::move(call)(as_result);
      const bool kept = std::ranges::find(in.kept_counters, *name) != in.kept_counters.end();
      if (!failed && kept) in.book.counted(*name, before, value);
      break;
    }
    case 1: {
      auto call = ref.call(counter::add_slowly{in.draw_time(600)}, limit);
      co_await std::move(call)(as_result);
      break;
    }
    case 2: {
      auto call = ref.call(counter::add_later{}, limit);
      co_await std::move(call)(as_result);
      break;
    }
    default: {
      auto request = ref.send_request(counter::add{});
      auto response = request.receive_response(limit);
      co_await std::move(response)(as_result);
    }
  }
  in.book.end_call(timed);
}

// Without a limit it ends as the server answers, or ends; at the latest when the tree is stopped.
client_action call_without_limit(random_tree& in) {
  const auto name = in.any(in.counters);
  if (!name) co_return;
  const coppice::server_ref<counter> ref{*name};
  if (in.play.chance(0.5)) {
    auto call = ref.call(counter::add_slowly{in.draw_time(600)}, coppice::infinity);
    co_await std::move(call)(as_result);
  } else {
    auto call = ref.call(counter::add_later{}, coppice::infinity);
    co_await std::move(call)(as_result);
  }
}

client_action count_and_save(random_tree& in) {
  const auto name = in.any(in.kept_counters);
  if (!name) co_return;
  const coppice::server_ref<counter> ref{*name};
  const auto before = in.book.count_of(*name);
  const auto timed = in.book.begin_call(10s);
  auto call = ref.call(counter::add_and_save{}, 10s);
  const auto [failed, value] = co_await std::move(call)(as_result);
  in.book.end_call(timed);
  if (!failed) in.book.counted(*name, before, value);
}

client_action collect_answers(random_tree& in) {
  coppice::request_set<int> requests;
  std::size_t asked = 0;
  for (std::uint64_t n = in.play.draw(5); n > 0; --n) {
    if (const auto name = in.any(in.counters)) {
      const coppice::server_ref<counter> ref{*name};
      requests.add(asked++, ref.send_request(counter::add_slowly{in.draw_time(100)}));
    }
  }
  for (; asked > 0; --asked) {
    const auto timed = in.book.begin_call(1s);
    auto receiving = requests.receive_response(1s);
    const auto [failed, answer] = co_await std::move(receiving)(as_result);
    in.book.end_call(timed);
    if (failed) co_return;
    if (!answer) in.book.fault("an answer is missing");
  }
}

client_action cast_to_a_counter(random_tree& in) {
  const auto name = in.any(in.counters);
  if (!name) co_return;
  const coppice::server_ref<counter> ref{*name};
  switch (in.play.draw(5)) {
    case 0: ref.cast(counter::crash{}); break;
    case 1: ref.cast(counter::leave{in.play.chance(0.5)}); break;
    default: ref.cast(counter::poke{});
  }
  co_return;
}

client_action use_an_agent(random_tree& in) {
  const auto name = in.any(in.agents);
  if (!name) co_return;
  const coppice::agent_ref<int> ref{*name};
  auto change = [](int& n) { ++n; };
  const auto timed = in.book.begin_call(1s);
  auto updating = ref.update(change, 1s);
  const auto [failed] = co_await updating.result()(as_result);
  in.book.end_call(timed);
  if (failed || in.play.chance(0.9)) co_return;
  auto look = [](const int& n) { return n; };
  const auto timed_look = in.book.begin_call(1s);
  auto looking = ref.get(look, 1s);
  co_await looking.result()(as_result);
  in.book.end_call(timed_look);
}

client_action manage_a_child(random_tree& in) {
  const auto who = in.any(in.managed);
  if (!who) co_return;
  const coppice::supervisor_ref ref{who->first};
  switch (in.play.draw(5)) {
    case 0: {
      auto asking = ref.terminate_child(who->second);
      co_await std::move(asking)(as_result);
      break;
    }
    case 1: {
      auto asking = ref.restart_child(who->second);
      co_await std::move(asking)(as_result);
      break;
    }
    case 2: {
      auto asking = ref.delete_child(who->second);
      co_await std::move(asking)(as_result);
      break;
    }
    case 3: {
      auto asking = ref.which_children();
      co_await std::move(asking)(as_result);
      break;
    }
    default: {
      auto asking = ref.count_children();
      const auto [failed, counts] = co_await std::move(asking)(as_result);
      if (!failed && counts.active > counts.specs) in.book.fault("more active than there are");
    }
  }
}

// Of a supervisor whose children are named by their pids.
template <class Ref>
client_action terminate(random_tree& in, Ref supervisor, coppice::pid child) {
  auto ending = supervisor.terminate_child(child);
  const auto [unknown] = co_await std::move(ending)(as_result);
  if (!unknown && child.alive()) in.book.fault("a terminated child lives");
}

client_action use_a_dynamic_supervisor(random_tree& in) {
  const auto name = in.any(in.dynamic_supervisors);
  if (!name) co_return;
  const coppice::dynamic_supervisor_ref ref{*name};
  const auto time = in.draw_time(500);
  const bool crashes = in.play.chance(0.3);
  const auto latest = std::make_shared<coppice::pid>();
  auto body = [&in, time, crashes, latest]() -> coppice::task<void> {
    *latest = coppice::self();
    co_await coppice::sleep_for(time);
    if (crashes && !in.quiet) throw std::runtime_error{"dynamic"};
  };
  coppice::child_spec spec = coppice::worker("dynamic", body).with_restart(
      in.play.chance(0.5) ? coppice::temporary : coppice::transient);
  if (in.play.chance(0.3)) spec = std::move(spec).starts_when(coppice::ready_of(in.any_gate()));
  auto starting = ref.start_child(std::move(spec));
  auto ready = starting.ready();
  const auto [failed, child] = co_await std::move(ready)(as_result);
  if (failed || in.play.chance(0.7)) co_return;
  if (!child.process) co_await coppice::sleep_for(in.draw_time(500));  // its gate may open
  auto terminating = terminate(in, ref, *latest);
  co_await std::move(terminating);
}

client_action use_a_template(random_tree& in) {
  const auto name = in.any(in.template_supervisors);
  if (!name) co_return;
  const coppice::simple_one_for_one_ref<int> ref{*name};
  auto starting = ref.start_child(static_cast<int>(in.draw_time(500).count()));
  auto ready = starting.ready();
  const auto [failed, child] = co_await std::move(ready)(as_result);
  if (failed) co_return;
  if (in.play.chance(0.3)) {
    auto asking = ref.which_child(child.process);
    const auto [unknown, entry] = co_await std::move(asking)(as_result);
    if (!unknown && entry.process != child.process) in.book.fault("an entry is another child's");
  } else if (in.play.chance(0.3)) {
    auto terminating = terminate(in, ref, child.process);
    co_await std::move(terminating);
  }
}

// A child of a static supervisor that nobody starts again.
client_action start_a_temporary_child(random_tree& in) {
  const auto name = in.any(in.static_supervisors);
  if (!name) co_return;
  const coppice::supervisor_ref ref{*name};
  const auto time = in.draw_time(300);
  auto body = [time]() -> coppice::task<void> { co_await coppice::sleep_for(time); };
  auto starting =
      ref.start_child(coppice::worker("extra", body).with_restart(coppice::temporary));
  auto ready = starting.ready();
  const auto [failed, child] = co_await std::move(ready)(as_result);
  if (failed || in.play.chance(0.5)) co_return;
  auto asking = ref.get_child_spec("extra");
  const auto [unknown, spec] = co_await std::move(asking)(as_result);
  if (!unknown && spec && spec->restart != coppice::temporary) {
    in.book.fault("a spec is another child's");
  }
}

client_action find_a_partition(random_tree& in) {
  const auto name = in.any(in.partition_supervisors);
  if (!name) co_return;
  const coppice::partition_supervisor_ref ref{*name};
  const auto key = static_cast<int>(in.play.draw(1'000));
  const coppice::pid one = ref.process_for(key);
  if (one && one != ref.process_for(key)) in.book.fault("a key leads to two partitions");
}

client_action use_a_task_supervisor(random_tree& in) {
  const auto name = in.any(in.task_supervisors);
  if (!name) co_return;
  const coppice::task_supervisor_ref ref{*name};
  const auto time = in.draw_time(200);
  const bool crashes = in.play.chance(0.3);
  const auto done = std::make_shared<std::chrono::nanoseconds>();  // when it is
  auto body = [&in, time, crashes, done]() -> coppice::task<int> {
    co_await coppice::sleep_for(time);
    if (crashes) throw std::runtime_error{"task"};
    *done = in.play.elapsed();
    co_return 7;
  };
  auto made = ref.async_nolink(body);
  const auto began = in.play.elapsed();
  if (in.play.chance(0.3)) {
    auto awaiting = made.await();
    const auto [broken, value] = co_await std::move(awaiting)(as_result);
    if (!broken && in.play.elapsed() > std::max(began, *done)) {
      in.book.fault("the result of a task comes late");
    }
    co_return;
  }
  const auto limit = in.draw_time(300);
  const auto timed = in.book.begin_call(limit);
  auto yielding = made.yield(limit);
  const auto [failed, result] = co_await std::move(yielding)(as_result);
  in.book.end_call(timed);
  if (!failed && result && result->has_value() && result->value() != 7) {
    in.book.fault("a task has another result");
  }
  if (!failed && result && result->has_value() &&
      in.play.elapsed() > std::max(began, *done)) {
    in.book.fault("the result of a task comes late");
  }
  if (failed || result) co_return;
  auto ending = made.shutdown();
  co_await std::move(ending)(as_result);
}

client_action await_several_tasks(random_tree& in) {
  const auto name = in.any(in.task_supervisors);
  if (!name) co_return;
  const coppice::task_supervisor_ref ref{*name};
  const auto limit = in.draw_time(300);
  std::vector<coppice::async_task<int>> made;
  for (int n = 0; n < 3; ++n) {
    const auto time = in.draw_time(150);
    const bool crashes = in.play.chance(0.1);
    auto body = [time, crashes, n]() -> coppice::task<int> {
      co_await coppice::sleep_for(time);
      if (crashes) throw std::runtime_error{"task"};
      co_return n;
    };
    made.push_back(ref.async_nolink(body));
  }
  const auto timed = in.book.begin_call(limit);
  if (in.play.chance(0.5)) {
    auto all = coppice::await_many(made, limit);
    const auto [failed, values] = co_await std::move(all)(as_result);
    in.book.end_call(timed);
    if (!failed && values != std::vector{0, 1, 2}) in.book.fault("tasks have other results");
    co_return;
  }
  auto some = coppice::yield_many(
      made, {.limit = limit, .on_timeout = coppice::unfinished_tasks::kill_task});
  const auto [failed, results] = co_await std::move(some)(as_result);
  in.book.end_call(timed);
  for (std::size_t n = 0; !failed && n < results.size(); ++n) {
    if (results[n] && results[n]->has_value() && results[n]->value() != static_cast<int>(n)) {
      in.book.fault("tasks have other results");
    }
  }
}

// Counts those who live.
class counted {
 public:
  explicit counted(std::shared_ptr<std::size_t> n) : n_{std::move(n)} { ++*n_; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() { --*n_; }

 private:
  std::shared_ptr<std::size_t> n_;
};

client_action stream(random_tree& in) {
  constexpr auto limit = 30ms;
  const std::size_t most = 1 + in.play.draw(3);
  auto each = [&in, most, running = std::make_shared<std::size_t>()](int n) -> coppice::task<int> {
    const counted here{running};
    if (*running > most) in.book.fault("a stream runs too many tasks");
    co_await coppice::sleep_for(in.draw_time(50));
    if (in.play.chance(0.1)) throw std::runtime_error{"item"};
    co_return n;
  };
  const auto name = in.any(in.task_supervisors);
  const bool is_ordered = in.play.chance(0.7);
  coppice::stream_options o{.max_concurrency = most,
                            .ordered = is_ordered,
                            .limit = limit,
                            .on_timeout = coppice::stream_timeout::kill_task};
  if (!name || !coppice::task_supervisor_ref{*name}.whereis()) co_return;
  auto results = coppice::task_supervisor_ref{*name}.async_stream_nolink(
      std::vector{1, 2, 3, 4, 5}, each, o);
  std::set<int> seen;
  for (int expected = 1;; ++expected) {
    const auto began = in.play.elapsed();
    const std::optional<coppice::task_result<int>> result = co_await results.next();
    if (in.play.elapsed() - began > limit) in.book.fault("an item of a stream comes late");
    if (!result) {
      if (expected != 6) in.book.fault("a stream has lost results");
      co_return;
    }
    if (result->has_value() && is_ordered && result->value() != expected) {
      in.book.fault("a stream is out of order");
    }
    if (result->has_value() && !seen.insert(result->value()).second) {
      in.book.fault("a stream gives a result twice");
    }
  }
}

client_action resize_partitions(random_tree& in) {
  const auto name = in.any(in.partition_supervisors);
  if (!name) co_return;
  const coppice::partition_supervisor_ref ref{*name};
  const coppice::pid supervisor = ref.whereis();
  if (!supervisor) co_return;
  const std::size_t size = 1 + in.play.draw(4);
  const int resize = ++in.resizes[*name];
  auto resizing = ref.resize(size);
  const auto [failed, before] = co_await std::move(resizing)(as_result);
  if (failed || resize != in.resizes[*name] || !supervisor.alive()) co_return;
  if (ref.partitions() != size) in.book.fault("a resize has not taken place: " + *name);
  for (std::size_t i = size; i < 4; ++i) {
    const std::string role = *name + "/" + std::to_string(i);
    if (in.book.lives_now(role)) in.book.fault("a partition has outlived a resize: " + role);
  }
}

client_action take_a_permit(random_tree& in) {
  auto acquiring = in.permits.acquire(in.draw_time(50));
  const auto [failed, held] = co_await std::move(acquiring)(as_result);
  if (held) co_await coppice::sleep_for(in.draw_time(50));
}

client_action visit(random_tree& in) {
  if (!in.endpoint) co_return;
  tcp::socket s{co_await asio::this_coro::executor};
  auto connecting = coppice::with_deadline(s.async_connect(*in.endpoint, asio::deferred), 5s);
  const auto [refused] = co_await std::move(connecting)(as_result);
  if (refused) co_return;
  std::array<char, 32> said{};
  for (char& c : said) c = static_cast<char>('a' + in.play.draw(26));
  const auto [lost, sent] = co_await asio::async_write(s, asio::buffer(said), as_result);
  if (lost) co_return;
  std::array<char, 32> heard{};
  auto reading = coppice::with_deadline(
      asio::async_read(s, asio::buffer(heard), asio::deferred), 5s);
  const auto [ended, n] = co_await std::move(reading)(as_result);
  if (!ended && heard != said) in.book.fault("an echo is wrong");
}

}  // namespace

client_action act_at_random(random_tree& in) {
  while (!in.quiet) {
    co_await coppice::sleep_for(in.draw_time(100));
    client_action action;
    switch (in.play.draw(21)) {
      case 0: action = call_a_counter(in); break;
      case 1: action = count_and_save(in); break;
      case 2: action = collect_answers(in); break;
      case 3: action = cast_to_a_counter(in); break;
      case 4: action = use_an_agent(in); break;
      case 5: action = be_linked(in); break;
      case 6: action = harm_somebody(in); break;
      case 7: action = manage_a_child(in); break;
      case 8: action = use_a_dynamic_supervisor(in); break;
      case 9: action = use_a_task_supervisor(in); break;
      case 10: action = stream(in); break;
      case 11: action = resize_partitions(in); break;
      case 12: action = take_a_permit(in); break;
      case 13: action = visit(in); break;
      case 14: action = use_a_template(in); break;
      case 15: action = start_a_temporary_child(in); break;
      case 16: action = find_a_partition(in); break;
      case 17: action = be_reminded(in); break;
      case 18: action = await_several_tasks(in); break;
      case 19: {
        auto body = [&in] { return call_without_limit(in); };
        coppice::spawn(body, "client");
        continue;
      }
      default: action = call_a_counter(in);
    }
    try {
      co_await std::move(action);
    } catch (const boost::system::system_error&) {
      // A supervisor or a server was not there.
    }
  }
}
