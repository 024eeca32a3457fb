#pragma once

#include "connection_list.hpp"
#include "store.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>

namespace keyvalue {

/// The name of the store process.
inline constexpr const char* store_name = "keyvalue.store";

/// Where connections find the data, which belongs to the store process: empty while that is down.
///
/// All processes run on one thread, and a command is executed without a `co_await`, so that the
/// store process cannot end in the middle of one. A message to it and back for each command would
/// be the choice if the store had to wait for anything.
///
/// @par Thread safety
/// Only on the loop's thread.
class store_link {
 public:
  store_link() noexcept = default;
  store_link(const store_link&) = delete;
  store_link& operator=(const store_link&) = delete;

  /// The data, or null. Not to be kept across a `co_await`.
  [[nodiscard]] store* get() const noexcept { return data_; }

  /// Holds the link to a store for as long as it lives.
  class publication {
   public:
    publication(store_link& link, store& data) noexcept : link_{link} { link_.data_ = &data; }
    publication(const publication&) = delete;
    publication& operator=(const publication&) = delete;
    ~publication() { link_.data_ = nullptr; }

   private:
    store_link& link_;
  };

 private:
  store* data_ = nullptr;
};

/// The store process: owns the data, which ends with it. So do the connections, as their clients
/// rely on the data.
///
/// @param link, connections Outlive the process.
boost::asio::awaitable<void, coppice::executor> run_store(store_link& link,
                                                          connection_list& connections);

/// The process that frees what has expired, now and then. It is not the store's, so that it may
/// crash or hang without harm to the data.
///
/// @param link Outlives the process.
boost::asio::awaitable<void, coppice::executor> sweep(store_link& link);

}  // namespace keyvalue
