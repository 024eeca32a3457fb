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

// What SQLite has refused, in its own words.
class sqlite_failure : public std::runtime_error {
 public:
  explicit sqlite_failure(sqlite3* db);
  sqlite_failure(int code, const char* text);
  [[nodiscard]] boost::system::error_code code() const noexcept { return code_; }
  // Somebody else has locked the file for longer than one is ready to wait.
  [[nodiscard]] bool is_busy() const noexcept;
  // The file is damaged, or is not the one any more that its name leads to.
  [[nodiscard]] bool is_fatal() const noexcept;

 private:
  boost::system::error_code code_;
};

// Waits while somebody else has the file locked.
class lock_patience {
 public:
  // After so many further attempts have failed, zero being where the wait begins. False if there is
  // to be no other.
  virtual bool wait(int n) noexcept = 0;

 protected:
  ~lock_patience() = default;
};

// The file of a stash. Used on one thread.
class database {
 public:
  struct row {
    std::string state;
    unsigned crashes = 0;
  };

  // Opens the file; if there is none, or nothing in it, it is made if it may be. Throws
  // sqlite_failure.
  database(const std::filesystem::path& file, bool may_make, lock_patience& starvation_limit);
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  // What is not committed is rolled back.
  ~database();

  // Throws sqlite_failure if what is written would not be found in the file. Whoever removes it
  // after that is not noticed before the next time.
  void check_files();
  [[nodiscard]] bool on_disk() const noexcept { return files_->on_disk(); }

  // What is done between begin and commit. All of it throws sqlite_failure.
  void put(const std::string& key, const row& r);
  // Fatal if the row is not as it was put.
  [[nodiscard]] std::optional<row> get(const std::string& key);
  bool erase(const std::string& key);
  [[nodiscard]] std::vector<std::string> keys();

  void begin();
  void commit();
  void roll_back() noexcept;

  // Has the destructor leave the log as it is for whoever opens the file next.
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
