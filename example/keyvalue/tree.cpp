#include "tree.hpp"

#include "connection.hpp"
#include "kept_store.hpp"
#include "slow_log.hpp"
#include "slow_log_server.hpp"
#include "store_process.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <utility>
#include <vector>

namespace keyvalue {

namespace {

using namespace std::chrono_literals;

// A child that nobody can do without is brought back as often as it takes. With pauses in between,
// it spends nothing of the budget of restarts.
coppice::child_spec indispensable(coppice::child_spec spec) {
  return std::move(spec).with_backoff({.min = 100ms, .max = 2s, .reset_after = 1s});
}

// A child that all others can do without: when it fails too often it is parked, and takes nobody
// along. It has nothing to do that takes long, and so it hangs if it gets nowhere for ten seconds.
coppice::child_spec dispensable(coppice::child_spec spec) {
  return std::move(spec)
      .with_restart_limit({.intensity = 3, .period = 1min, .then = coppice::park})
      .with_progress_limit(10s);
}

std::vector<coppice::child_spec> owners_of_data(common& all) {
  if (!all.given.file.empty()) return kept_store(all);
  auto store = [&all] { return run_store(all.store, all.connections); };
  return {coppice::worker("store", store)};
}

// Connections have no limit of progress, since they may wait for their clients for ever. All else
// that they wait for has a limit of its own, or is the disk.
coppice::child_spec make_acceptor(common& all) {
  auto on_connection = [&all](socket_type socket) { return serve(std::move(socket), all); };
  return coppice::acceptor(all.given.endpoint, on_connection,
                           {.name = acceptor_name,
                            .max_connections = all.given.most_clients,
                            .drain = all.given.drain,
                            .shutdown = 1s});
}

// No more need wait for it, as these would be the ones that it keeps.
coppice::child_spec make_slow_log() {
  return coppice::server_with<slow_log_server>(
      {.mailbox = {.limit = slow_log::most, .when_full = coppice::overflow::drop_oldest}},
      slow_log_name);
}

}  // namespace

coppice::supervisor_spec make_tree(common& all) {
  auto sweeper = [&all] { return sweep(all.store); };
  coppice::supervisor_spec tree{.name = tree_name, .strategy = coppice::rest_for_one};
  for (coppice::child_spec& owner : owners_of_data(all)) {
    tree.children.push_back(indispensable(std::move(owner)));
  }
  tree.children.push_back(indispensable(make_acceptor(all)));
  tree.children.push_back(dispensable(coppice::worker("sweeper", sweeper)));
  tree.children.push_back(dispensable(make_slow_log()));
  return tree;
}

}  // namespace keyvalue
