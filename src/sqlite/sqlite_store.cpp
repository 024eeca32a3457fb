#include "sqlite_store.hpp"

#include <coppice/error.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <any>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

// How long the store waits for a lock of another program. A request may have to wait twice: for the
// batch under way and for its own. Both together are shorter than the five seconds that a worker
// has to stop, and that a server waits for its state: so it hears of the lock, and not that time
// ran out.
constexpr auto lock_limit = std::chrono::seconds{2};
constexpr auto longest_pause = std::chrono::milliseconds{25};

// A job keeps its reply_to until its transaction is committed. A reply_to that is destroyed unused
// fails its call, so that no request is left without an answer.
template <class R>
class job_for : public sqlite_job {
 public:
  explicit job_for(reply_to<R> done) noexcept : done_{std::move(done)} {}
  void fail(boost::system::error_code why) override { std::move(done_).fail(why); }

 protected:
  reply_to<R> done_;
};

class put_job final : public job_for<void> {
 public:
  put_job(std::string key, database::row r, reply_to<void> done) noexcept
      : job_for{std::move(done)}, key_{std::move(key)}, row_{std::move(r)} {}
  [[nodiscard]] bool writes() const noexcept override { return true; }
  void perform(database& db) override { db.put(key_, row_); }
  void answer() override { std::move(done_)(); }

 private:
  std::string key_;
  database::row row_;
};

class get_job final : public job_for<kept_state> {
 public:
  get_job(std::string file, std::string key, reply_to<kept_state> found) noexcept
      : job_for{std::move(found)}, file_{std::move(file)}, key_{std::move(key)} {}
  [[nodiscard]] bool writes() const noexcept override { return false; }
  void perform(database& db) override {
    found_ = {};  // it may be performed twice
    try {
      if (auto r = db.get(key_)) found_ = {std::any{std::move(r->state)}, r->crashes};
    } catch (const sqlite_failure& f) {
      if (!f.is_fatal()) throw;
      // One damaged row must not fail the whole batch: other rows may be intact. The codec throws
      // this exception where the state is decoded, in the server that needs it.
      found_.state = std::make_exception_ptr(std::runtime_error{'"' + file_ + "\": " + f.what()});
    }
  }
  void answer() override { std::move(done_)(std::move(found_)); }

 private:
  std::string file_;
  std::string key_;
  kept_state found_;
};

class erase_job final : public job_for<bool> {
 public:
  erase_job(std::string key, reply_to<bool> done) noexcept
      : job_for{std::move(done)}, key_{std::move(key)} {}
  [[nodiscard]] bool writes() const noexcept override { return true; }
  void perform(database& db) override { was_there_ = db.erase(key_); }
  void answer() override { std::move(done_)(was_there_); }

 private:
  std::string key_;
  bool was_there_ = false;
};

class keys_job final : public job_for<std::vector<std::string>> {
 public:
  using job_for::job_for;
  [[nodiscard]] bool writes() const noexcept override { return false; }
  void perform(database& db) override { found_ = db.keys(); }
  void answer() override { std::move(done_)(std::move(found_)); }

 private:
  std::vector<std::string> found_;
};

// A thread that is started while this object lives gets no signals: they are for the program's own
// threads. So writing beyond a file size limit gives the thread an error, where SIGXFSZ would end
// the program.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

// The functions up to `add` run on the loop's thread. They only put jobs into the queue.

sqlite_store::~sqlite_store() {
  {
    const std::lock_guard lock{mutex_};
    given_up_ = true;
  }
  news_.notify_all();
  // This blocks the loop, though not for long: the thread looks at `given_up_` between two
  // statements and while it waits for a lock.
  if (thread_.joinable()) thread_.join();
}

void sqlite_store::open(std::function<void(std::string)> broken, reply_to<std::string> problem) {
  broken_ = std::move(broken);
  opened_.emplace(std::move(problem));
  const signals_blocked meanwhile;
  thread_ = std::thread{[this] { work(); }};
}

void sqlite_store::put(std::string key, kept_state state, reply_to<void> done) {
  auto* const bytes = std::any_cast<std::string>(&state.state);
  if (bytes == nullptr) return std::move(done).fail(errc::unreadable);
  add(std::make_unique<put_job>(std::move(key), database::row{std::move(*bytes), state.crashes},
                                std::move(done)));
}

void sqlite_store::get(std::string key, reply_to<kept_state> found) {
  add(std::make_unique<get_job>(file_.string(), std::move(key), std::move(found)));
}

void sqlite_store::erase(std::string key, reply_to<bool> done) {
  add(std::make_unique<erase_job>(std::move(key), std::move(done)));
}

void sqlite_store::keys(reply_to<std::vector<std::string>> found) {
  add(std::make_unique<keys_job>(std::move(found)));
}

void sqlite_store::finish(reply_to<void> done) {
  {
    const std::lock_guard lock{mutex_};
    finished_.emplace(std::move(done));
  }
  news_.notify_all();
}

void sqlite_store::add(std::unique_ptr<sqlite_job> job) {
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(job));
  }
  news_.notify_all();
}

// From here on everything runs on the store's own thread. It takes all jobs that have gathered, and
// does them in one transaction: a commit waits for the disk, so many puts share one wait.

void sqlite_store::work() {
  std::optional<database> db;
  std::string problem = try_to_open(db);
  const bool open = problem.empty();
  std::move(opened_.value())(std::move(problem));
  if (!open) return;
  while (next_batch()) {
    if (db) {
      carry_out(*db, batch_);
    } else {
      for (const auto& job : batch_) job->fail(fatal_->code());
    }
    if (is_given_up()) break;
    batch_.clear();
    if (db && fatal_) give_up_file(db);
  }
  if (is_given_up()) {
    if (db) db->be_quick();
  } else {
    db.reset();
    std::move(finished_.value())();
  }
}

std::string sqlite_store::try_to_open(std::optional<database>& db) {
  std::string why;
  locked_since_ = clock::now();
  try {
    lock_wait& lock = *this;
    db.emplace(file_, !in_use_->load(), lock);
    if (db->on_disk()) in_use_->store(true);
    return {};
  } catch (const std::exception&) {
    why = exit_reason::error(std::current_exception()).what();
  }
  return "coppice: the stash in \"" + file_.string() + "\" cannot be opened: " + why;
}

// Closes the file, which copies the log into the database if that is possible, and ends the stash's
// process. Requests that still come are failed with the same error.
void sqlite_store::give_up_file(std::optional<database>& db) {
  db.reset();
  broken_("coppice: the stash in \"" + file_.string() + "\" cannot go on: " + fatal_->what());
}

// Returns false when all work is done, or given up.
bool sqlite_store::next_batch() {
  std::unique_lock lock{mutex_};
  news_.wait(lock, [this] { return given_up_ || finished_ || !queue_.empty(); });
  batch_.swap(queue_);
  return !given_up_ && !batch_.empty();
}

// Does all jobs in one transaction. If one of them makes it fail, each job gets a transaction of
// its own, so that only the faulty one fails. There are two exceptions: after a lock that was
// waited for in vain all fail, since each would wait again; and a file that is lost is not written
// to any more.
void sqlite_store::carry_out(database& db, std::span<const std::unique_ptr<sqlite_job>> batch) {
  boost::system::error_code why;
  bool each_by_itself = false;
  try {
    if (!try_to_commit(db, batch)) return;
    for (const auto& job : batch) job->answer();
    return;
  } catch (const sqlite_failure& f) {
    why = f.code();
    if (f.is_fatal()) fatal_.emplace(f);
    each_by_itself = batch.size() > 1 && !f.is_busy() && !f.is_fatal();
  } catch (const std::bad_alloc&) {
    why = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
  }
  db.roll_back();
  if (is_given_up()) return;
  if (each_by_itself) {
    for (std::size_t i = 0; i < batch.size() && !is_given_up(); ++i) {
      if (fatal_) {
        batch[i]->fail(fatal_->code());
      } else {
        carry_out(db, batch.subspan(i, 1));
      }
    }
  } else {
    for (const auto& job : batch) job->fail(why);
  }
}

// Returns false if the work was given up; closing the file then rolls back. The files are checked
// before and after: a commit into a file that was replaced must not be acknowledged.
bool sqlite_store::try_to_commit(database& db, std::span<const std::unique_ptr<sqlite_job>> batch) {
  const bool writes = std::ranges::any_of(batch, [](const auto& job) { return job->writes(); });
  db.check_files();
  if (writes) db.begin();
  for (const auto& job : batch) {
    if (is_given_up()) return false;
    job->perform(db);
  }
  if (is_given_up()) return false;
  if (!writes) return true;
  db.commit();
  db.check_files();
  return true;
}

bool sqlite_store::is_given_up() {
  const std::lock_guard lock{mutex_};
  return given_up_;
}

// SQLite calls this as its busy handler. The pause grows with each attempt, and ends when the store
// is given up.
bool sqlite_store::wait(int n) noexcept {
  if (n == 0) locked_since_ = clock::now();
  if (clock::now() - locked_since_ >= lock_limit) return false;
  std::unique_lock lock{mutex_};
  const auto pause = std::min(std::chrono::milliseconds{1 + n}, longest_pause);
  return !news_.wait_for(lock, pause, [this] { return given_up_; });
}

}  // namespace coppice::detail
