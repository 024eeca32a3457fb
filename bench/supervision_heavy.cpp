// What does a tree of supervisors cost, for each process of it, to start all of it, kill the root,
// and wait until nothing is left?
//
//   supervision_heavy.DEPTHxBREADTH.awaitable  so many children to each supervisor, so many levels
//                                              below the root; the last one is of workers
//   supervision_heavy.DEPTHxBREADTH.task       the same with workers that are a coppice::task
//
// Each supervisor is made by a function that says what its children are, called in its process, as
// in OTP. Those whose supervisor is killed stop their own children in order: they ask them.

#include "harness.hpp"

#include <coppice/task.hpp>

#include <algorithm>
#include <optional>

namespace bench {

namespace {

struct shape {
  int depth;
  int breadth;
  int times;  // how many trees of it there are in a turn, one after another

  [[nodiscard]] long leaves() const {
    long n = 1;
    for (int i = 0; i < depth; ++i) n *= breadth;
    return n;
  }
  // This is the sum of 1 + breadth + ... + leaves.
  [[nodiscard]] long processes() const { return (leaves() * breadth - 1) / (breadth - 1); }
};

constexpr shape usual_shapes[]{{3, 10, 10}, {5, 5, 3}, {10, 2, 5}};

// Trees with ten children to each supervisor, and at least 10,000 workers of them in a turn.
shape of_tens(long workers) {
  return {.depth = power_of_ten(workers),
          .breadth = 10,
          .times = static_cast<int>(std::max(1L, 10'000 / workers))};
}

struct tree {
  shape is;
  long running = 0;
};

template <class Coroutine>
Coroutine leaf(tree& t) {
  ++t.running;
  co_await coppice::sleep_for(std::chrono::hours{24});
}

template <class Coroutine>
coppice::supervisor_spec branch(tree& t, int levels) {
  std::vector<coppice::child_spec> children;
  for (int i = 0; i < t.is.breadth; ++i) {
    if (levels == 1) {
      children.push_back(coppice::worker(std::to_string(i), [&t] { return leaf<Coroutine>(t); }));
    } else {
      children.push_back(coppice::supervisor(
          std::to_string(i), [&t, levels] { return branch<Coroutine>(t, levels - 1); }));
    }
  }
  return supervisor_of(coppice::one_for_one, std::move(children));
}

template <class Coroutine>
void start_and_kill(asio::io_context& io, shape is) {
  tree t{.is = is};
  const auto root =
      coppice::start_supervisor(io, [&t] { return branch<Coroutine>(t, t.is.depth); });
  std::optional<boost::system::error_code> ready;
  root.ready()([&](boost::system::error_code ec) {
    ready = ec;
    io.stop();
  });
  io.restart();
  io.run();
  expect(ready && !*ready, "the root did not start");
  io.restart();
  io.poll();
  expect(t.running == is.leaves(), "not all workers run");
  expect(coppice::processes(io).size() == static_cast<std::size_t>(is.processes()),
         "there are more processes, or fewer");
  coppice::kill(root.get_pid());
  io.run();
  expect(coppice::processes(io).empty(), "a process is left");
  expect(t.running == is.leaves(), "a worker was restarted");
}

template <class Coroutine>
double coppice_trees(shape is) {
  asio::io_context io{1};
  count_reports(io);
  const auto begin = clock::now();
  for (int i = 0; i < is.times; ++i) start_and_kill<Coroutine>(io, is);
  return nanoseconds(clock::now() - begin) / static_cast<double>(is.times * is.processes());
}

}  // namespace

/// @param n How many workers are in a tree; a power of ten.
void add_supervision_heavy(std::vector<family>& to, size n) {
  family f{.name = "supervision_heavy", .all = {}, .sized = true};
  const auto add = [&f](const std::string& row, auto shape_of) {
    f.add(row + ".awaitable", "coppice",
          [=] { return coppice_trees<asio::awaitable<void>>(shape_of()); });
    f.add(row + ".task", "coppice", [=] { return coppice_trees<coppice::task<>>(shape_of()); });
  };
  if (n) {
    add("supervision_heavy", [n] { return of_tens(*n); });
  } else {
    for (const shape& s : usual_shapes) {
      add("supervision_heavy." + std::to_string(s.depth) + "x" + std::to_string(s.breadth),
          [s] { return s; });
    }
  }
  to.push_back(std::move(f));
}

}  // namespace bench
