#pragma once

#include "open_files.hpp"

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace coppice::detail {

// The C interface of SQLite as a class: the one table of states, and the checks that a state which
// was acknowledged is really in the file that its name leads to.

// An error of SQLite, with SQLite's own text.
class sqlite_failure : public std::runtime_error {
 public:
  explicit sqlite_failure(sqlite3* db);
  sqlite_failure(int code, const char* text);
  [[nodiscard]] boost::system::error_code code() const noexcept { return code_; }
  // Tells whether another program has kept the file locked for too long.
  [[nodiscard]] bool is_busy() const noexcept;
  // Tells whether the file must not be used any more: it is damaged, or its name leads to another
  // file.
  [[nodiscard]] bool is_fatal() const noexcept;

 private:
  boost::system::error_code code_;
};

// Waits while another program has the file locked. SQLite's own busy timeout could not be
// interrupted when the stash is killed.
class lock_wait {
 public:
  // Called after `n` further attempts have failed; 0 begins a wait. Returns false to give up.
  virtual bool wait(int n) noexcept = 0;

 protected:
  ~lock_wait() = default;
};

// The database file of a stash. It is used on one thread, the store's own.
class database {
 public:
  struct row {
    std::string state;
    unsigned crashes = 0;
  };

  // Opens the file. If the file does not exist or is empty, its table is made if `may_make` allows
  // it. Throws sqlite_failure.
  database(const std::filesystem::path& file, bool may_make, lock_wait& lock);
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  // Rolls back what has not been committed.
  ~database();

  // Throws sqlite_failure if the files in use are not those that the name leads to. It is called
  // before and after each commit; a file that is removed later is noticed the next time.
  void check_files();
  [[nodiscard]] bool on_disk() const noexcept { return files_->on_disk(); }

  // These are called between begin and commit, and throw sqlite_failure.
  void put(const std::string& key, const row& r);
  // The failure is fatal if the row is not as it was put.
  [[nodiscard]] std::optional<row> get(const std::string& key);
  bool erase(const std::string& key);
  [[nodiscard]] std::vector<std::string> keys();

  void begin();
  void commit();
  void roll_back() noexcept;

  // Makes the destructor leave the log as it is, for the next one that opens the file.
  void be_quick() noexcept;

 private:
  struct closer {
    void operator()(sqlite3* db) const noexcept;
  };
  struct finalizer {
    void operator()(sqlite3_stmt* s) const noexcept;
  };
  using statement = std::unique_ptr<sqlite3_stmt, finalizer>;
  class run;

  void set_up(bool may_make);
  void make_tables(bool may_make);
  void prepare_all();
  void check_index();
  void empty_log() noexcept;
  void execute(const char* sql);
  [[nodiscard]] std::int64_t number_of(const char* sql);
  [[nodiscard]] statement prepare(const char* sql);

  std::unique_ptr<sqlite3, closer> db_;
  statement put_;
  statement get_;
  statement erase_;
  statement keys_;
  std::optional<open_files> files_;
  bool index_is_checked_ = false;
};

}  // namespace coppice::detail
