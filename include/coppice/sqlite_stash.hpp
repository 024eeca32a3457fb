#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/sqlite/kept_by_codec.hpp>
#include <coppice/server_options.hpp>
#include <coppice/stash.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <filesystem>
#include <string>
#include <typeinfo>
#include <utility>

namespace coppice {

/// The errors of SQLite: its extended result codes, whose low byte is the primary one. They compare
/// equal to the conditions of `boost::system::errc` that fit (`no_space_on_device` of a full disk,
/// `device_or_resource_busy` of a lock, `io_error`, `permission_denied`,
/// `no_such_file_or_directory` of a file that has been removed or replaced).
[[nodiscard]] COPPICE_API const boost::system::error_category& sqlite_category() noexcept;

/// A stash on disk as a child of a supervisor: a process that keeps the states of servers in an
/// SQLite database, each under the name of its server. They outlive the operating system's process
/// too. Put it before those servers, under rest_for_one, and give these `in_sqlite_stash`.
///
/// The file is opened when the process starts, and made if there is none; one that cannot be
/// opened, or is no database, is a failed start, with SQLite's own words. But once this child has
/// had its file, a restart makes none: it fails for as long as there is none, or none with states
/// in it. In the file is one table, `states`, with the columns `key`, `state`, `crashes` and
/// `checksum`; files without the last one, of earlier versions, get it when they are opened.
///
/// - What a put has acknowledged is on disk: neither a kill of the program nor a loss of power
///   takes it back. (A write-ahead log, synced at every commit: one sync where the other kinds of
///   journal need several. It needs a local disk, and lies beside the file, as `-wal` and `-shm`,
///   while that is in use and after a kill; whoever opens the file next takes it in.)
/// - SQLite works on a thread of the stash, never on the loop's. What has queued up while the disk
///   was busy goes into one transaction, and is acknowledged together, in order, after the commit.
///   If that fails, each goes by itself, so that only what cannot be written fails.
/// - What SQLite refuses fails the call with an error of `sqlite_category`; of the state of a
///   server that has ended, it is reported (`state_lost`). The stash itself lives on, unless the
///   file is no good any more.
/// - Before and after every commit it is looked whether the name of the file, and those of its log,
///   still lead to what was opened, and whether that has been cut off. If not, the puts under way
///   fail, none is acknowledged any more, and the process ends with an error that names the file;
///   so it does when a write finds the file malformed. What was acknowledged before is taken from
///   the log into the file that was opened, where that is safe. When the process is restarted it
///   opens what lies there by then: with the log removed, that is all that was acknowledged; with
///   the file replaced, what its successor holds. A file that is removed within the microseconds
///   between that look and the acknowledgement, or of which nothing is written any more, is not
///   noticed; nor is one that is overwritten in place, but for what the checksums tell.
/// - Each row has a checksum of key, state and count of crashes (CRC-64/XZ). A row that does not
///   fit, or that SQLite finds malformed, is a failed start of its server, which names key and
///   file, and `errc::unreadable` of a `get`; the other rows are not concerned. One without a
///   checksum (null, as whoever writes a state by hand has to leave it) is taken as it is.
/// - The file may be used by several stashes, of several programs too: each key is one row, and the
///   last put wins. Who finds it locked by another waits for up to 2 s.
/// - The index of the log (`-shm`) is mapped into memory: whoever cuts it off in the middle of a
///   statement ends the program (SIGBUS).
///
/// When it is stopped it writes what came before and closes the file; it has the shutdown time of a
/// worker for that, 5 s, unless `with_shutdown` says otherwise. When it is killed, the loop waits
/// for no more than the statement under way (a commit with its sync at worst; never for a lock).
/// What was not committed is rolled back, and was not acknowledged.
///
/// Codecs run in the processes that put and get, on the loop's thread, never on that of the stash:
/// what they throw concerns those alone, and they may use the stash themselves.
///
/// It keeps what comes through `in_sqlite_stash` and `sqlite_stash_ref`, and fails a put of
/// anything else with `errc::unreadable`.
///
/// @param name Id of the child, and the name by which servers find it.
/// @param file Where the database lies. ":memory:": in memory, and gone with the process.
///   Empty: what is given the child refuses it.
/// @par Origin
/// None in OTP; what `dets` and Mnesia are used for.
[[nodiscard]] COPPICE_API child_spec sqlite_stash(std::string name,
                                                  std::filesystem::path file = ":memory:");

/// Says that the state of a server, a T, is kept in the stash on disk of that name:
/// `server_options::state`. As `in_stash`; a state that cannot be read is a failed start, and stays
/// where it is.
///
/// @tparam T What `state()` of the server returns; see `stash_codec`. Of another type, the spec of
///   the server is refused.
template <class T>
[[nodiscard]] state_place in_sqlite_stash(std::string name) {
  using codec = detail::kept_by_codec<T>;
  return {
      .stash = std::move(name),
      .encode = [](const std::any& state) { return codec::encode(std::any_cast<const T&>(state)); },
      .decode = [](const std::any& kept) { return std::any{codec::decode(kept)}; },
      .type = &typeid(T),
  };
}

/// A stash on disk, as `stash_ref`, for states of a type that has a `stash_codec`. `put` throws at
/// once what `encode` throws.
template <class T>
using sqlite_stash_ref = stash_ref<T, detail::kept_by_codec<T>>;

}  // namespace coppice
