#include "database.hpp"

#include "row_checksum.hpp"

#include <coppice/sqlite_stash.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace coppice::detail {

namespace {

// SQLite's extended codes have the primary code in their lowest byte.
constexpr int primary(int code) noexcept { return code & 0xff; }

// The version of the table's layout. Tables of version 0 have no checksums.
constexpr std::int64_t version_now = 1;

}  // namespace

sqlite_failure::sqlite_failure(sqlite3* db)
    : sqlite_failure{sqlite3_extended_errcode(db), sqlite3_errmsg(db)} {}

sqlite_failure::sqlite_failure(int code, const char* text)
    : std::runtime_error{text}, code_{code, sqlite_category()} {}

bool sqlite_failure::is_busy() const noexcept { return primary(code_.value()) == SQLITE_BUSY; }

bool sqlite_failure::is_fatal() const noexcept {
  const int code = code_.value();
  return primary(code) == SQLITE_CORRUPT || primary(code) == SQLITE_NOTADB ||
         code == SQLITE_READONLY_DBMOVED;
}

// One use of a prepared statement. The statement is reset in the destructor, also after an error:
// one that is not reset would keep the file locked.
class database::run {
 public:
  run(sqlite3* db, const statement& s) noexcept : db_{db}, s_{s.get()} {}
  run(const run&) = delete;
  run& operator=(const run&) = delete;
  ~run() {
    sqlite3_reset(s_);
    sqlite3_clear_bindings(s_);
  }

  // SQLite does not copy the texts (SQLITE_STATIC), so they must outlive this object.
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
  // Executes one step; returns whether it has given a row.
  bool step() {
    const int result = sqlite3_step(s_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) throw sqlite_failure{db_};
    return result == SQLITE_ROW;
  }
  // These read the current row.
  [[nodiscard]] std::string bytes(int column) const {
    const auto* first = static_cast<const char*>(sqlite3_column_blob(s_, column));
    if (first == nullptr) return {};
    return {first, static_cast<std::size_t>(sqlite3_column_bytes(s_, column))};
  }
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(s_, column); }
  [[nodiscard]] bool is_null(int column) const {
    return sqlite3_column_type(s_, column) == SQLITE_NULL;
  }

 private:
  void check(int result) const {
    if (result != SQLITE_OK) throw sqlite_failure{db_};
  }

  sqlite3* db_;
  sqlite3_stmt* s_;
};

void database::closer::operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
void database::finalizer::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

database::database(const std::filesystem::path& file, bool may_make, lock_wait& lock) {
  sqlite3* db = nullptr;
  const int make = may_make ? SQLITE_OPEN_CREATE : 0;
  const int result = sqlite3_open_v2(file.string().c_str(), &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | make, nullptr);
  db_.reset(db);  // a failed open gives an object too, which has to be closed
  if (result != SQLITE_OK) {
    if (db == nullptr) throw sqlite_failure{result, sqlite3_errstr(result)};
    throw sqlite_failure{db};
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_handler(
      db, [](void* p, int n) -> int { return static_cast<lock_wait*>(p)->wait(n) ? 1 : 0; },
      &lock);
  // SQLite does not call the busy handler where two programs could wait for each other, as when
  // both create the same file. So the whole set-up is tried again.
  for (int n = 1;; ++n) {
    try {
      execute("PRAGMA journal_mode = WAL");
      // A commit is on disk when it returns. With a write-ahead log, EXTRA is the same as FULL. On
      // file systems that cannot have such a log, EXTRA also covers the deletion of the journal.
      execute("PRAGMA synchronous = EXTRA");
      set_up(may_make);
      files_.emplace(db, file);
      return;
    } catch (const sqlite_failure& f) {
      if (!f.is_busy() || !lock.wait(n)) throw;
    }
  }
}

database::~database() = default;

void database::set_up(bool may_make) {
  const std::int64_t version = number_of("PRAGMA user_version");
  if (version > version_now) {
    throw sqlite_failure{SQLITE_SCHEMA, "it was made by a later version of coppice"};
  }
  if (version == version_now) return prepare_all();
  begin();
  try {
    // Another program may have made the tables before this one got the lock.
    if (number_of("PRAGMA user_version") == 0) make_tables(may_make);
    prepare_all();
    commit();
  } catch (...) {
    roll_back();
    throw;
  }
}

void database::make_tables(bool may_make) {
  if (number_of("SELECT count(*) FROM sqlite_schema WHERE name = 'states'") > 0) {
    execute("ALTER TABLE states ADD COLUMN checksum INTEGER");
  } else if (may_make) {
    execute(
        "CREATE TABLE states (key TEXT PRIMARY KEY NOT NULL, state BLOB NOT NULL,"
        " crashes INTEGER NOT NULL, checksum INTEGER)");
  } else {
    throw sqlite_failure{SQLITE_EMPTY, "there are no states in it any more"};
  }
  execute("PRAGMA user_version = 1");
}

void database::prepare_all() {
  put_ = prepare(
      "INSERT INTO states (key, state, crashes, checksum) VALUES (?1, ?2, ?3, ?4)"
      " ON CONFLICT (key) DO UPDATE SET state = ?2, crashes = ?3, checksum = ?4");
  get_ = prepare("SELECT state, crashes, checksum FROM states WHERE key = ?1");
  erase_ = prepare("DELETE FROM states WHERE key = ?1");
  keys_ = prepare("SELECT key FROM states ORDER BY key");
}

// If the files are not those that the program opened, closing the database could do harm, as it
// copies the log into the database. So it is decided here, before the error is thrown, what becomes
// of the log.
void database::check_files() {
  try {
    files_->check();
  } catch (const sqlite_failure&) {
    if (files_->log_is_spoilt()) be_quick();
    if (files_->log_is_stray()) empty_log();
    throw;
  }
}

void database::put(const std::string& key, const row& r) {
  const std::int64_t checksum = checksum_of(key, r.state, r.crashes);
  run{db_.get(), put_}
      .text(1, key)
      .blob(2, r.state)
      .number(3, r.crashes)
      .number(4, checksum)
      .step();
}

std::optional<database::row> database::get(const std::string& key) {
  run query{db_.get(), get_};
  if (!query.text(1, key).step()) {
    check_index();
    return std::nullopt;
  }
  const std::int64_t crashes = query.number(1);
  std::string state = query.bytes(0);
  if (!query.is_null(2) && query.number(2) != checksum_of(key, state, crashes)) {
    throw sqlite_failure{SQLITE_CORRUPT, "it is damaged: its checksum does not fit"};
  }
  constexpr std::int64_t most = std::numeric_limits<unsigned>::max();
  return row{std::move(state), static_cast<unsigned>(std::clamp<std::int64_t>(crashes, 0, most))};
}

// If a key is damaged in the index, its row is not found, and the server would start afresh
// although its state is there. So the first time that a key is not found, the index is compared
// with the table.
void database::check_index() {
  if (index_is_checked_) return;
  const bool differs = number_of(
                           "SELECT EXISTS (SELECT 1 FROM states AS row NOT INDEXED WHERE NOT EXISTS"
                           " (SELECT 1 FROM states AS entry INDEXED BY sqlite_autoindex_states_1"
                           " WHERE entry.key = row.key AND entry.rowid = row.rowid))") != 0;
  if (differs) throw sqlite_failure{SQLITE_CORRUPT_INDEX, "the index of its keys is damaged"};
  index_is_checked_ = true;
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

// Takes the write lock at once. A transaction that begins with reading may be refused the lock
// later, without the busy handler being called.
void database::begin() { execute("BEGIN IMMEDIATE"); }

void database::commit() { execute("COMMIT"); }

// Some errors roll the transaction back by themselves; a second ROLLBACK would be an error.
void database::roll_back() noexcept {
  if (sqlite3_get_autocommit(db_.get()) == 0) {
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void database::be_quick() noexcept {
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void database::empty_log() noexcept {
  sqlite3_wal_checkpoint_v2(db_.get(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

void database::execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw sqlite_failure{db_.get()};
  }
}

std::int64_t database::number_of(const char* sql) {
  const statement s = prepare(sql);
  run query{db_.get(), s};
  return query.step() ? query.number(0) : 0;
}

database::statement database::prepare(const char* sql) {
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr) != SQLITE_OK) {
    throw sqlite_failure{db_.get()};
  }
  return statement{s};
}

}  // namespace coppice::detail
