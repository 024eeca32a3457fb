#include <coppice/sqlite_stash.hpp>

#include <coppice/detail/supervisor/refused_child.hpp>

#include "sqlite_store.hpp"

#include <sqlite3.h>

#include <boost/system/error_condition.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>

namespace coppice {

namespace {

// SQLite's extended result codes as an error category. The conditions let users compare with
// portable errors, such as errc::no_space_on_device, without including sqlite3.h.
class sqlite_error_category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "sqlite"; }

  std::string message(int value) const override {
    if (value == SQLITE_READONLY_DBMOVED) return "the file is not the one any more that was opened";
    return sqlite3_errstr(value);
  }

  boost::system::error_condition default_error_condition(int value) const noexcept override {
    namespace errc = boost::system::errc;
    if (value == SQLITE_READONLY_DBMOVED) {
      return errc::make_error_condition(errc::no_such_file_or_directory);
    }
    switch (value & 0xff) {
      case SQLITE_FULL: return errc::make_error_condition(errc::no_space_on_device);
      case SQLITE_BUSY: return errc::make_error_condition(errc::device_or_resource_busy);
      case SQLITE_IOERR: return errc::make_error_condition(errc::io_error);
      case SQLITE_NOMEM: return errc::make_error_condition(errc::not_enough_memory);
      case SQLITE_TOOBIG: return errc::make_error_condition(errc::file_too_large);
      case SQLITE_PERM:
      case SQLITE_AUTH:
      case SQLITE_READONLY: return errc::make_error_condition(errc::permission_denied);
      default: return {value, *this};
    }
  }
};

}  // namespace

const boost::system::error_category& sqlite_category() noexcept {
  static const sqlite_error_category instance;
  return instance;
}

child_spec sqlite_stash(std::string name, std::filesystem::path file) {
  if (file.empty()) {
    // Making a spec does not throw. The spec carries its fault to the supervisor that is given it.
    const std::invalid_argument why{"sqlite_stash \"" + name + "\": its file has no name"};
    return detail::refused_child(std::move(name), why);
  }
  // The flag belongs to the spec, so that all incarnations of the stash share it. Once one of them
  // has had the file, a missing file is an error: a new, empty one would hide the loss of the
  // states.
  auto in_use = std::make_shared<std::atomic<bool>>(false);
  return detail::stash_of(std::move(name), [file = std::move(file), in_use = std::move(in_use)] {
    return std::unique_ptr<detail::stash_store>{
        std::make_unique<detail::sqlite_store>(file, in_use)};
  });
}

}  // namespace coppice
