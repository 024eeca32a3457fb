// What does it cost to start a process that ends at once?
//
//   spawn.default     1,000 at a time, asio::awaitable<void>; bare: co_spawn on a plain io_context
//   spawn.typed       the same with awaitables of a known executor; bare: io_context for one thread
//   spawn.within      as default, but started by a process, by a function that makes the coroutine
//   spawn.supervised  1,000 temporary children at a time of a dynamic supervisor; bare: as default
//   spawn.among.N     as default, while N others wait in a timer

#include "spawning.hpp"

#include <string>

namespace bench {

void add_spawn(std::vector<family>& to) {
  using any = asio::awaitable<void>;
  using ours = asio::awaitable<void, coppice::executor>;
  using plain = asio::awaitable<void, asio::io_context::executor_type>;

  family f{.name = "spawn", .all = {}};
  f.add("spawn.default", "coppice", [] { return coppice_spawn<any>(); });
  f.add("spawn.default", "bare", [] { return bare_spawn<any>(safe); });
  f.add("spawn.typed", "coppice", [] { return coppice_spawn<ours>(); });
  f.add("spawn.typed", "bare", [] { return bare_spawn<plain>(unsafe); });
  f.add("spawn.within", "coppice", coppice_within<any>);
  f.add("spawn.within", "bare", [] { return bare_within<any>(safe); });
  f.add("spawn.supervised", "coppice", coppice_supervised<any>);
  f.add("spawn.supervised", "bare", [] { return bare_spawn<any>(safe); });
  to.push_back(std::move(f));

  family among{.name = "spawn.among", .all = {}};
  for (const std::size_t n : growing) {
    const std::string row = "spawn.among." + std::to_string(n);
    among.add(row, "coppice", [n] { return coppice_spawn<any>(n); });
    among.add(row, "bare", [n] { return bare_spawn<any>(safe, n); });
  }
  to.push_back(std::move(among));
}

}  // namespace bench
