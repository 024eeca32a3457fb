#pragma once

#include "common.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace keyvalue {

// The store whose data is kept in a file: `options::file`.

/// Whether there can be one. That takes SQLite, without which all else can be built.
[[nodiscard]] bool can_keep_store() noexcept;

/// Who owns the data then: the file, and the store process, under the same name as without one.
///
/// The store process loads all that is in the file before it is up. From then on it writes to the
/// file what changes, and answers those who wait for that. If something cannot be written, because
/// the disk is full for instance, memory and file differ: so it ends with that error, and what
/// comes next starts from the file. Nobody was told that it was written.
///
/// @param all Outlives them.
[[nodiscard]] std::vector<coppice::child_spec> kept_store(common& all);

/// Waits until all that the data shows by now is on disk. Those who wait at the same time share the
/// waiting for the disk.
///
/// @return False if that was in vain, since the store has ended.
/// @throws boost::system::system_error `operation_aborted` if the caller is to stop.
boost::asio::awaitable<bool, coppice::executor> until_kept();

}  // namespace keyvalue
