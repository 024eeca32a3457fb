#pragma once

#include "database.hpp"

#include <coppice/reply_to.hpp>
#include <coppice/stash.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace coppice::detail {

// One request to the database. It is answered when its transaction is committed, and not before.
class sqlite_job {
 public:
  sqlite_job() = default;
  sqlite_job(const sqlite_job&) = delete;
  sqlite_job& operator=(const sqlite_job&) = delete;
  virtual ~sqlite_job() = default;

  [[nodiscard]] virtual bool writes() const noexcept = 0;
  // May be called again after a failure, in another transaction.
  virtual void perform(database& db) = 0;
  virtual void answer() = 0;
  virtual void fail(boost::system::error_code why) = 0;
};

// A store on disk. SQLite blocks while it waits for the disk, so a thread of the store's own does
// all work with the file, and the loop never waits for it.
//
// While the store lives, answers are given or thrown away on that thread; a reply_to takes them to
// the loop. Jobs that are left when the store is destroyed are destroyed with it, on the loop's
// thread.
class sqlite_store final : public stash_store, private lock_wait {
 public:
  // `in_use` tells whether an earlier store has used the file. If so, this one does not create a
  // file: it would go on without states, as if there had never been any.
  sqlite_store(std::filesystem::path file, std::shared_ptr<std::atomic<bool>> in_use)
      : file_{std::move(file)}, in_use_{std::move(in_use)} {}
  // Waits until the statement under way is done.
  ~sqlite_store() override;

  void open(std::function<void(std::string)> broken, reply_to<std::string> problem) override;
  void put(std::string key, kept_state state, reply_to<void> done) override;
  void get(std::string key, reply_to<kept_state> found) override;
  void erase(std::string key, reply_to<bool> done) override;
  void keys(reply_to<std::vector<std::string>> found) override;
  void finish(reply_to<void> done) override;

 private:
  using jobs = std::vector<std::unique_ptr<sqlite_job>>;
  using clock = std::chrono::steady_clock;

  void add(std::unique_ptr<sqlite_job> job);

  // These run on the store's thread.
  void work();
  [[nodiscard]] std::string try_to_open(std::optional<database>& db);
  [[nodiscard]] bool next_batch();
  void give_up_file(std::optional<database>& db);
  void carry_out(database& db, std::span<const std::unique_ptr<sqlite_job>> batch);
  [[nodiscard]] bool try_to_commit(database& db,
                                   std::span<const std::unique_ptr<sqlite_job>> batch);
  [[nodiscard]] bool is_given_up();
  bool wait(int n) noexcept override;

  const std::filesystem::path file_;
  const std::shared_ptr<std::atomic<bool>> in_use_;

  std::mutex mutex_;  // guards the members up to given_up_
  std::condition_variable news_;
  jobs queue_;
  std::optional<reply_to<void>> finished_;
  bool given_up_ = false;  // nobody wants the answers any more

  // While the thread runs, these are touched by the thread alone.
  std::optional<reply_to<std::string>> opened_;
  std::function<void(std::string)> broken_;
  std::optional<sqlite_failure> fatal_;  // the reason why the file is not used any more
  jobs batch_;
  clock::time_point locked_since_{};

  std::thread thread_;
};

}  // namespace coppice::detail
