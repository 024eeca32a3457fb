#include "database.hpp"

#include <coppice/sqlite_stash.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace coppice::detail {

namespace {

constexpr int primary(int code) noexcept { return code & 0xff; }

}  // namespace

sqlite_failure::sqlite_failure(sqlite3* db)
    : sqlite_failure{sqlite3_extended_errcode(db), sqlite3_errmsg(db)} {}

sqlite_failure::sqlite_failure(int code, const char* text)
    : std::runtime_error{text}, code_{code, sqlite_category()} {}

bool sqlite_failure::is_busy() const noexcept { return primary(code_.value()) == SQLITE_BUSY; }

// One use of a statement.
class database::run {
 public:
  run(sqlite3* db, const statement& s) noexcept : db_{db}, s_{s.get()} {}
  run(const run&) = delete;
  run& operator=(const run&) = delete;
  ~run() {
    sqlite3_reset(s_);
    sqlite3_clear_bindings(s_);
  }

  // The texts must outlive this.
  run& text(int at, const std::string& x) {
    check(sqlite3_bind_text64(s_, at, x.data(), x.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
  }
  run& blob(int at, const std::string& x) {
    check(sqlite3_bind_blob64(s_, at, x.data(), x.size(), SQLITE_STATIC));
    return *this;
  }
  run& number(int at, std::int64_t x) {
    check(sqlite3_bind_int64(s_, at, x));
    return *this;
  }
  // Whether there is a row (more).
  bool step() {
    const int result = sqlite3_step(s_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) throw sqlite_failure{db_};
    return result == SQLITE_ROW;
  }
  // Of the row at hand.
  [[nodiscard]] std::string bytes(int column) const {
    const auto* first = static_cast<const char*>(sqlite3_column_blob(s_, column));
    if (first == nullptr) return {};
    return {first, static_cast<std::size_t>(sqlite3_column_bytes(s_, column))};
  }
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(s_, column); }

 private:
  void check(int result) const {
    if (result != SQLITE_OK) throw sqlite_failure{db_};
  }

  sqlite3* db_;
  sqlite3_stmt* s_;
};

void database::closer::operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
void database::finalizer::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

database::database(const std::filesystem::path& file, lock_patience& patience) {
  sqlite3* db = nullptr;
  const int result =
      sqlite3_open_v2(file.string().c_str(), &db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(db);
  if (result != SQLITE_OK) {
    if (db == nullptr) throw sqlite_failure{result, sqlite3_errstr(result)};
    throw sqlite_failure{db};
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_handler(
      db, [](void* p, int n) -> int { return static_cast<lock_patience*>(p)->wait(n) ? 1 : 0; },
      &patience);
  // SQLite does not wait by itself where two that wait could wait for each other, as two may that
  // make the same file.
  for (int n = 1;; ++n) {
    try {
      execute("PRAGMA journal_mode = WAL");
      // With a write-ahead log the same as FULL: a commit is on disk when it returns. Where there
      // can be no such log it covers the deletion of the journal too.
      execute("PRAGMA synchronous = EXTRA");
      execute(
          "CREATE TABLE IF NOT EXISTS states"
          " (key TEXT PRIMARY KEY NOT NULL, state BLOB NOT NULL, crashes INTEGER NOT NULL)");
      put_ = prepare(
          "INSERT INTO states (key, state, crashes) VALUES (?1, ?2, ?3)"
          " ON CONFLICT (key) DO UPDATE SET state = ?2, crashes = ?3");
      get_ = prepare("SELECT state, crashes FROM states WHERE key = ?1");
      erase_ = prepare("DELETE FROM states WHERE key = ?1");
      keys_ = prepare("SELECT key FROM states ORDER BY key");
      return;
    } catch (const sqlite_failure& f) {
      if (!f.is_busy() || !patience.wait(n)) throw;
    }
  }
}

database::~database() = default;

void database::put(const std::string& key, const row& r) {
  run{db_.get(), put_}.text(1, key).blob(2, r.state).number(3, r.crashes).step();
}

std::optional<database::row> database::get(const std::string& key) {
  run query{db_.get(), get_};
  if (!query.text(1, key).step()) return std::nullopt;
  const auto crashes =
      std::clamp<std::int64_t>(query.number(1), 0, std::numeric_limits<unsigned>::max());
  return row{query.bytes(0), static_cast<unsigned>(crashes)};
}

bool database::erase(const std::string& key) {
  run{db_.get(), erase_}.text(1, key).step();
  return sqlite3_changes(db_.get()) > 0;
}

std::vector<std::string> database::keys() {
  std::vector<std::string> all;
  run query{db_.get(), keys_};
  while (query.step()) all.push_back(query.bytes(0));
  return all;
}

// Locks the file against other writers at once, so that no statement fails for it later.
void database::begin() { execute("BEGIN IMMEDIATE"); }

void database::commit() { execute("COMMIT"); }

// Some errors have done so already.
void database::roll_back() noexcept {
  if (sqlite3_get_autocommit(db_.get()) == 0) {
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void database::be_quick() noexcept {
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void database::execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw sqlite_failure{db_.get()};
  }
}

database::statement database::prepare(const char* sql) {
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr) != SQLITE_OK) {
    throw sqlite_failure{db_.get()};
  }
  return statement{s};
}

}  // namespace coppice::detail
