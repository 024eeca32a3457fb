#pragma once

#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/refused_child.hpp>
#include <coppice/partition_supervisor.hpp>
#include <coppice/stop_plan.hpp>
#include <coppice/supervise.hpp>
#include <coppice/detail/supervision/supervision.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/task.hpp>

#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace coppice::detail {

// Gives the shutdown of a child: that of the spec, or else the default for its type.
shutdown shutdown_of(const child_spec& spec) noexcept;

// Describe, for a report, a child that is not started yet: by its spec alone, and one that was
// asked for and of which its supervisor has no record.
child_info info_of(const child_spec& spec) noexcept;
child_info asked_child(const supervisor_request& r, const process_ref& supervisor);

// Tells whether the process may still become a supervisor: it has not run, or has not acknowledged
// its start. A server never becomes one.
bool may_become_supervisor(const process& p) noexcept;

void check_dynamic_child(const child_spec& spec);
void check_added_child(const child_spec& spec);

// A supervisor process is made from a setup each time it starts. It is a spec that was checked.
struct supervisor_setup {
  std::string name;
  supervision::options options;
  std::vector<child_spec> children{};
  bool from_template = false;
  std::size_t partitions = 0;  // the number of partitions; 0: it is no partition supervisor
};

// A setup is shared by the body that starts the supervisor again and by the records of the
// static children, which refer to their specs in it.
using setup_ptr = std::shared_ptr<const supervisor_setup>;

setup_ptr setup_of(supervisor_spec spec, std::size_t partitions = 0);
setup_ptr setup_of(dynamic_supervisor_spec spec);
setup_ptr setup_of(const partition_supervisor_spec& spec);

// Tells the starter of a supervisor how it has ended.
struct supervisor_outcome {
  bool finished = false;
  supervision::cause cause = supervision::cause::asked;
  std::vector<std::string> killed{};  // who had to be killed in the end
  std::function<void()> booted{};  // called when its children are up; may be empty
};

supervisor_ref start_supervisor(asio::io_context& io, setup_ptr setup,
                                std::shared_ptr<supervisor_outcome> outcome);
pid start_linked(setup_ptr setup);
child_spec supervisor_child(setup_ptr setup);
// Makes the same of a spec that may break a rule: a child that is refused where it is given.
template <class Spec>
child_spec supervisor_child_of(Spec spec) {
  std::string id = spec.name;
  try {
    return supervisor_child(setup_of(std::move(spec)));
  } catch (const std::invalid_argument& why) {
    return refused_child(std::move(id), why);
  }
}

// Sets a flag for the time of a scope.
class scope {
 public:
  explicit scope(bool& flag) noexcept : flag_{flag} { flag_ = true; }
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  ~scope() { flag_ = false; }

 private:
  bool& flag_;
};

// Carries out the decisions of a supervision: starts, stops and kills processes, answers calls,
// reports. It lives in the frame of the supervisor's coroutine. Events may come from the scheduler
// at any time, also while an action is being carried out, so they are only noted (`wake`); `act`
// acts on them in the supervisor's next turn. The exceptions are `restart_child`, `leave_child` and
// `start_now`, which act at once, and only if nothing else is noted or under way (`is_free`).
class supervisor_process final : public behaviour, public process_watcher {
 public:
  supervisor_process(process& self, setup_ptr setup);
  supervisor_process(const supervisor_process&) = delete;
  supervisor_process& operator=(const supervisor_process&) = delete;
  ~supervisor_process();

  // Gives the supervisor of a process, or null if the process is none.
  static supervisor_process* of(const process& p) noexcept;

  // The wait for the end of the supervisor, which works while it waits.
  struct wait {
    using signature = void();
    static constexpr wait_kind kind = wait_kind::children;

    supervisor_process* self;
    wake_timer timer{};

    [[nodiscard]] scheduler& home() const noexcept { return self->home_; }
    void arm(waiter& w);
    [[nodiscard]] bool poll();
    void disarm() noexcept;
    void set_alarm();
    template <class Handler>
    static void complete(Handler&& h) {
      std::forward<Handler>(h)();
    }
  };

  // Starts the static children. `booted` is called when they are up.
  void begin(std::function<void()> booted);
  [[nodiscard]] bool has_finished() const noexcept { return finished_; }
  // Begins, and waits for the end.
  task<void> main(std::function<void()> booted);
  [[nodiscard]] const std::vector<std::string>& killed() const noexcept { return killed_; }
  [[nodiscard]] supervisor_end end() const { return {decide_.why_finished(), last_}; }

  void take(const std::shared_ptr<supervisor_request>& r);
  // Starts a child at once, and gives its pid. An empty one says that the child is to be asked for
  // by a request: nothing has happened then.
  pid start_now(child_spec& spec);
  // Tells whether this waits for the start or the end of a child in whose subtree the caller is.
  [[nodiscard]] bool waits_for(process& caller) const noexcept;
  bool stop(const exit_reason& reason) noexcept override;
  void begin_drain(drain_watch& w) noexcept override { drain_ = &w; }
  [[nodiscard]] bool has_work() const noexcept override { return decide_.children().size() > 0; }
  void limit_stop(time_point until) override;
  // How long a stop that begins now takes at most, as far as the children have limits.
  [[nodiscard]] duration time_to_stop() { return decide_.time_to_stop(&needed_to_stop); }
  // Adds what a stop of its children would do.
  void plan_stop(std::vector<stop_step>& plan, std::size_t depth, duration whole);

  // The number of partitions over which keys are spread.
  [[nodiscard]] std::size_t partitions() const noexcept { return partitions_; }
  [[nodiscard]] bool has_partitions() const noexcept { return setup_.partitions > 0; }
  // Gives the process to which a key of that number is routed. The pid is empty if the partition is
  // down at the moment.
  [[nodiscard]] pid partition_for(std::uintmax_t number);

 private:
  void begin_life();
  void end_life() noexcept;

  struct entry;
  struct entry_hook : list_hook {
    entry* owner = nullptr;
  };
  struct gate;
  class child_intake;
  // The part of an entry that few children need: the terms of their specs that OTP does not know,
  // as far as the decisions need not know them; and where one was that had to be killed.
  struct entry_terms {
    entry_terms();
    ~entry_terms();
    time_limit progress_limit = infinity;
    std::unique_ptr<gate> gates;  // in a chain
    std::unique_ptr<child_intake> intake;  // null if it does not drain
    std::string waited{};         // where it was when its time to stop was over
  };
  struct entry : supervision::child, pooled {
    entry_hook known;  // in entries_
    body_ptr start;
    std::shared_ptr<const child_spec> origin;  // as given, for get_child_spec
    pid process;                               // its latest process, which may be gone
    std::any info;
    std::unique_ptr<entry_terms> terms;  // null for most
  };

  // Dynamic children that ended in the same way, under the same policy, share one report.
  using way_of_stopping = std::tuple<std::string, bool, bool, duration, restart, child_type>;

  // A bad end that some dynamic children share which were stopped side by side. The first of them
  // stands for all in the report.
  struct bad_stop {
    bad_stop(const child_info& c, exit_reason why, bool killed)
        : child{c}, reason{std::move(why)}, had_to_be_killed{killed} {}
    child_info child;  // its views are set when it is told
    exit_reason reason;
    bool had_to_be_killed;
    std::size_t count = 0;
  };

  // Makes `f` note something of which there is no second news. What it throws, for lack of memory,
  // is a crash of the supervisor.
  template <class F>
  void note(F f) noexcept {
    try {
      f();
    } catch (...) {
      home_.crash(self_);
    }
  }

  void child_exited(process& child, void* tag, const exit_reason& reason) noexcept override;
  void child_ready(void* tag, std::any info) noexcept override;
  [[nodiscard]] std::string_view label_of(void* tag) const noexcept override {
    return static_cast<const entry*>(tag)->id;
  }
  [[nodiscard]] std::size_t restarts_of(void* tag) const noexcept override {
    return static_cast<const entry*>(tag)->restarts;
  }
  [[nodiscard]] std::string_view kind() const noexcept override { return "supervisor"; }
  [[nodiscard]] bool traps_exits() const noexcept override { return true; }
  bool exit_signal(const pid& from, const exit_reason& reason) noexcept override;

  void wake() noexcept;
  void act();
  // Tells whether the supervisor is suspended and has nothing to do.
  [[nodiscard]] bool is_free() const noexcept {
    return waiting_ != nullptr && !news_ && !acting_ && self_.life.is_live();
  }
  void perform(supervision::action& a);
  void end_late(entry& c);
  void tell_killed();
  void forget(entry& c) {
    delete &c;
    if (drain_ != nullptr && !has_work()) drain_->work_done();
  }
  static duration needed_to_stop(const supervision::child& c);
  void limit_stop_of(entry& c, time_point until);
  void start_child(entry& c);
  void restart_child(entry& c, process& ended, const exit_reason& why) noexcept;
  bool restart_child(entry& c) noexcept;
  entry& add_child(child_spec& spec);
  void disown(entry& c) noexcept;
  void take_exit(process& child, entry& c, const exit_reason& reason);
  void leave_child(entry& c, process& ended, const exit_reason& why) noexcept;
  void started(entry& c);
  process& spawn_child(entry& c, bool again);
  void note_request(supervisor_request& r);
  void answer(supervision::action& a);
  void serve(supervisor_request& r);
  void add(supervisor_request& r);
  void resize(resize_request& r);
  void resized(resize_request& r);
  [[nodiscard]] static child_entry list(const entry& c);
  void report_on(supervision::action& a);
  void note_bad_stop(const entry& c, const exit_reason& reason);
  void report_bad_stops();
  void warn_about(const supervisor_setup& setup);
  [[nodiscard]] std::string_view own_name() const noexcept;
  [[nodiscard]] child_info describe(const entry& c) const noexcept;
  [[nodiscard]] child_info describe(const child_spec& spec) const noexcept;
  entry& make_entry(const child_spec& spec, std::string id,
                    std::shared_ptr<const child_spec> origin);
  void note_terms(entry& c, const child_spec& spec);
  [[nodiscard]] static std::string_view awaited_by(const entry& c) noexcept;
  void finish(supervisor_request& r, boost::system::error_code ec) noexcept;
  // Answers it by the exception that is being handled.
  void fail(supervisor_request& r) noexcept;
  void note_refusal(supervisor_request& r, boost::system::error_code ec) noexcept;
  void spare_starter(list_hook& requests) noexcept;

  static constexpr char tag{};

  process& self_;
  scheduler& home_;
  const std::shared_ptr<behaviour> before_;  // restored when this goes: the process may go on
  const setup_ptr kept_;
  const supervisor_setup& setup_;
  supervision decide_;
  list_hook requests_;
  list_hook entries_;  // all records, also of those that are not children yet or not any more
  waiter* waiting_ = nullptr;
  bool news_ = false;
  bool acting_ = false;
  bool finished_ = false;
  std::size_t partitions_;
  const supervisor_request* latest_resize_ = nullptr;
  std::function<void()> booted_;
  exit_reason last_;
  drain_watch* drain_ = nullptr;  // set: it takes no further children
  std::optional<time_point> stop_began_;
  std::vector<std::string> killed_;  // in the final stop, with those below its children
  std::map<way_of_stopping, bad_stop> bad_stops_;
};

}  // namespace coppice::detail
