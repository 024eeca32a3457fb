#include "kept_store.hpp"

#include "change_log.hpp"
#include "kept_value.hpp"
#include "store.hpp"
#include "store_process.hpp"

#include <coppice/down.hpp>
#include <coppice/name.hpp>
#include <coppice/server.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/sqlite_stash.hpp>
#include <coppice/task.hpp>
#include <coppice/this_server.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

template <>
struct coppice::stash_codec<keyvalue::kept_value> {
  static std::string encode(const keyvalue::kept_value& v) { return keyvalue::encode(v); }
  static keyvalue::kept_value decode(std::string_view kept) { return keyvalue::decode(kept); }
};

namespace keyvalue {

namespace asio = boost::asio;

namespace {

constexpr const char* file_name = "keyvalue.file";

// How much is on its way to the file at a time: so many values, and no more when they are as many
// bytes together. From the file: so many values, whose sizes are not known before.
constexpr std::size_t most_writes = 1000;
constexpr std::size_t most_bytes = std::size_t{16} << 20;
constexpr std::size_t most_reads = 64;

// Completes when all of them have. Throws the first error that one has met.
template <class Write>
coppice::task<> all_of(std::vector<Write> writes) {
  if (writes.empty()) co_return;
  auto together = asio::experimental::make_parallel_group(std::move(writes));
  auto waiting = together.async_wait(asio::experimental::wait_for_all(), asio::deferred);
  const auto results = co_await std::move(waiting);
  for (const boost::system::error_code& failed : std::get<1>(results)) {
    if (failed) throw boost::system::system_error{failed, "what has changed cannot be written"};
  }
}

// The store process. Its messages ask it to write what has changed. It handles one after another:
// those that come while it waits for the disk find that their changes are written together, by the
// first of them.
class store_server {
 public:
  struct keep {
    using reply = void;
  };

  explicit store_server(common* all) : link_{all->store}, end_{all->connections} {}

  coppice::task<> init() {
    // Once the file is gone this one would only find that out with the next write.
    coppice::this_server::monitor(coppice::whereis(file_name));
    auto listing = file_.keys();
    const std::vector<std::string> keys = co_await std::move(listing);
    for (std::span left{keys}; !left.empty();) {
      const std::span some = left.first(std::min(left.size(), most_reads));
      auto loading = load(some);
      co_await std::move(loading);
      left = left.subspan(some.size());
    }
    data_.note_changes_in(changes_);
    published_.emplace(link_, data_, &changes_);
  }

  coppice::task<> handle(keep) {
    change_log::keys changed = changes_.take();
    while (!changed.empty()) {
      auto writing = write_some(changed);
      co_await std::move(writing);
    }
    changes_.written();
  }

  void handle(const coppice::down&) { throw std::runtime_error{"the file has been closed"}; }

 private:
  coppice::task<> load(std::span<const std::string> keys) {
    std::vector<decltype(file_.get({}))> asked;
    for (const std::string& key : keys) asked.push_back(file_.get(key));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::optional<kept_value> found = co_await std::move(asked[i]);
      if (found) take_over(keys[i], *found);
    }
  }

  void take_over(const std::string& key, const kept_value& kept) {
    std::optional<store::clock::duration> lifetime;
    if (kept.ends) {
      lifetime = *kept.ends - kept_value::clock::now();
      // It is to go from the file too.
      if (*lifetime <= store::clock::duration::zero()) return changes_.note(key);
    }
    if (kept.value.bytes) {
      data_.set(key, kept.value.bytes, lifetime);
    } else {
      data_.set(key, kept.value.text, lifetime);
    }
  }

  // The values are those that there are by now. One that changes again meanwhile is written once
  // more, by the next message.
  coppice::task<> write_some(change_log::keys& changed) {
    std::vector<decltype(file_.put({}, std::declval<const kept_value&>()))> puts;
    std::vector<decltype(file_.erase({}))> erasures;
    for (std::size_t bytes = 0; !changed.empty() && bytes < most_bytes &&
                                puts.size() + erasures.size() < most_writes;) {
      std::string key = std::move(changed.extract(changed.begin()).value());
      const value* const found = data_.find(key);
      if (found == nullptr) {
        erasures.push_back(file_.erase(std::move(key)));
        continue;
      }
      bytes += found->size();
      kept_value kept{*found};
      if (const auto left = data_.time_left(key)) kept.ends = kept_value::clock::now() + *left;
      puts.push_back(file_.put(std::move(key), std::as_const(kept)));
    }
    auto putting = all_of(std::move(puts));
    co_await std::move(putting);
    auto erasing = all_of(std::move(erasures));
    co_await std::move(erasing);
  }

  const coppice::sqlite_stash_ref<kept_value> file_{file_name};
  store_link& link_;
  store data_;
  change_log changes_;
  end_of_connections end_;
  std::optional<store_link::publication> published_;
};

}  // namespace

bool can_keep_store() noexcept { return true; }

std::vector<coppice::child_spec> kept_store(common& all) {
  return {coppice::sqlite_stash(file_name, all.given.file),
          coppice::server<store_server>(store_name, &all)};
}

asio::awaitable<bool, coppice::executor> until_kept() {
  const coppice::server_ref<store_server> store{store_name};
  auto asking = store.call(store_server::keep{}, coppice::infinity);
  const auto [failed] = co_await std::move(asking)(asio::as_tuple(asio::deferred));
  if (failed == asio::error::operation_aborted) throw boost::system::system_error{failed};
  co_return !failed;
}

}  // namespace keyvalue
