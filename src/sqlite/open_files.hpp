#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

struct sqlite3;

namespace coppice::detail {

// Watches the files of a database that is in use: the database itself, its write-ahead log, and the
// index of the log. SQLite does not look at their names again once it has opened them, and goes on
// writing into files that nobody will find any more.
class open_files {
 public:
  // The database must have been read from, so that all its files exist. A database in memory has
  // none, and passes all checks.
  open_files(sqlite3* db, const std::filesystem::path& name);

  // Throws sqlite_failure if a name leads to another file or to none, or if a file has been cut
  // off.
  void check();
  [[nodiscard]] bool on_disk() const noexcept { return main_.has_value(); }
  // Tells whether the log must not be copied into the database: a file has been cut off, or the log
  // or its index has been replaced by another program, which may be using it.
  [[nodiscard]] bool log_is_spoilt() const noexcept { return log_is_spoilt_; }
  // Tells whether the name of the database leads elsewhere. The log must not be left beside the
  // file that is there now: SQLite would take it for the log of that file.
  [[nodiscard]] bool log_is_stray() const noexcept { return log_is_stray_; }

 private:
  struct file {
    std::string name;
    struct stat seen {};
  };

  static std::optional<file> find(std::string name);
  struct stat look(const file& f);
  void check_size(const struct stat& now);
  void check_log();
  [[noreturn]] void cut_off(const file& f);
  [[noreturn]] static void refuse(int code, const file& f, const std::string& what);

  sqlite3* db_;
  std::optional<file> main_;
  std::optional<file> log_;
  std::optional<file> index_;
  bool log_is_spoilt_ = false;
  bool log_is_stray_ = false;
};

}  // namespace coppice::detail
