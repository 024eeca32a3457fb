#include <coppice/stash.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/process.hpp>
#include <coppice/server.hpp>

#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace coppice {

namespace detail {

namespace {

// Keeps states in a map. The stash is a server of its own, so the states survive the servers that
// they belong to, but not the stash.
class memory_store final : public stash_store {
 public:
  void put(std::string key, kept_state state, reply_to<void> done) override {
    states_.insert_or_assign(std::move(key), std::move(state));
    std::move(done)();
  }
  void get(std::string key, reply_to<kept_state> found) override {
    kept_state copy;
    try {
      if (const auto at = states_.find(key); at != states_.end()) copy = at->second;
    } catch (...) {
      // The copy of a state may throw. That is the fault of one server; an exception here would end
      // the stash with the states of all the others.
      return std::move(found).fail(errc::unreadable);
    }
    std::move(found)(std::move(copy));
  }
  void erase(std::string key, reply_to<bool> done) override {
    std::move(done)(states_.erase(key) > 0);
  }
  void keys(reply_to<std::vector<std::string>> found) override {
    std::vector<std::string> all;
    for (const auto& [key, state] : states_) all.push_back(key);
    std::move(found)(std::move(all));
  }
  void finish(reply_to<void> done) override { std::move(done)(); }

 private:
  std::unordered_map<std::string, kept_state> states_;
};

}  // namespace

stash_store::~stash_store() = default;

void stash_store::open(std::function<void(std::string)>, reply_to<std::string> problem) {
  std::move(problem)();
}

// The stash acknowledges its start when the store is open. Requests that come earlier wait in its
// queue. The store may answer on another thread, through slots that take the answer to this loop.
asio::awaitable<void> stash_server::init() {
  const slot_ptr<std::string> opened{new free_slot<std::string>{here()}};
  store_->open(
      [me = server_ref<stash_server>{self()}](std::string why) { me.cast(broken{std::move(why)}); },
      access::make<reply_to<std::string>>(opened));
  deferred_wait<response_wait<std::string>> opening{{opened, infinity}};
  const std::string problem = co_await std::move(opening);
  if (!problem.empty()) throw std::runtime_error{problem};
}

void stash_server::handle(put&& m, reply_to<void> done) {
  store_->put(std::move(m.key), std::move(m.state), std::move(done));
}
void stash_server::handle(get&& m, reply_to<kept_state> found) {
  store_->get(std::move(m.key), std::move(found));
}
void stash_server::handle(erase&& m, reply_to<bool> done) {
  store_->erase(std::move(m.key), std::move(done));
}
void stash_server::handle(const keys&, reply_to<std::vector<std::string>> found) {
  store_->keys(std::move(found));
}

// A store that has become unusable ends the stash with an error; its supervisor restarts it with a
// new store, or gives up.
void stash_server::handle(const broken& m) { throw std::runtime_error{m.why}; }

// A stash that is stopped in order first lets its store finish what it has accepted.
asio::awaitable<void> stash_server::terminate(const exit_reason&) {
  const slot_ptr<void> done{new free_slot<void>{here()}};
  store_->finish(access::make<reply_to<void>>(done));
  deferred_wait<response_wait<void>> finishing{{done, infinity}};
  co_await std::move(finishing);
}

child_spec stash_of(std::string name, stash_server::opener open) {
  return server<stash_server>(std::move(name), std::move(open));
}

}  // namespace detail

child_spec stash(std::string name) {
  return detail::stash_of(std::move(name), [] {
    return std::unique_ptr<detail::stash_store>{std::make_unique<detail::memory_store>()};
  });
}

state_place in_stash(std::string name) { return {.stash = std::move(name)}; }

}  // namespace coppice
