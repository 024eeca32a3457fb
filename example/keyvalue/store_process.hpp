#pragma once

#include "change_log.hpp"
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

  /// Whether the data is as safe as it is to be: in the file, if it is kept in one.
  [[nodiscard]] bool is_kept() const noexcept {
    return changes_ == nullptr || changes_->all_written();
  }

  /// Holds the link to a store for as long as it lives.
  class publication {
   public:
    /// @param changes Those that are not in the file yet, if there is one.
    publication(store_link& link, store& data, const change_log* changes = nullptr) noexcept
        : link_{link} {
      link_.data_ = &data;
      link_.changes_ = changes;
    }
    publication(const publication&) = delete;
    publication& operator=(const publication&) = delete;
    ~publication() {
      link_.data_ = nullptr;
      link_.changes_ = nullptr;
    }

   private:
    store_link& link_;
  };

 private:
  store* data_ = nullptr;
  const change_log* changes_ = nullptr;
};

/// Ends the connections when it ends, as their clients rely on the data: a part of who owns that.
class end_of_connections {
 public:
  /// @param of Outlives it.
  explicit end_of_connections(connection_list& of) noexcept : of_{of} {}
  end_of_connections(const end_of_connections&) = delete;
  end_of_connections& operator=(const end_of_connections&) = delete;
  ~end_of_connections() { of_.cut(); }

 private:
  connection_list& of_;
};

/// The store process of data that is in memory only: owns it, and the data ends with it. So do the
/// connections.
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
