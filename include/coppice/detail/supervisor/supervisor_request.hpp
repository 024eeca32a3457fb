#pragma once

#include <coppice/child_entry.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/refusal.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coppice::detail {

// One call to a supervisor, from the moment it is made until it is answered or given up. While it
// is under way it is in a list of the supervisor, or in that of the early requests, and owns
// itself.
class COPPICE_API supervisor_request : public early_request {
 public:
  enum class kind_type : unsigned char {
    ready,
    add,
    add_dynamic,
    add_argument,
    terminate,
    terminate_process,
    restart,
    erase,
    which,
    which_one,
    which_process,
    count,
    spec,
    resize,
  };

  explicit supervisor_request(kind_type k) noexcept : kind{k} {}
  virtual ~supervisor_request();

  // Sends the request. It may be answered at once, for instance if there is no such process.
  static void submit(const std::shared_ptr<supervisor_request>& r, const process_ref& supervisor);
  void complete(boost::system::error_code ec) noexcept;
  void refuse(boost::system::error_code why) noexcept override;
  // Notes that a request for a child is refused. This is reported if the request is dropped before
  // somebody has heard the answer.
  void refused(scheduler& s, const child_info& c) noexcept;
  void heard() noexcept { refusal_.reset(); }
  [[nodiscard]] bool asks_for_child() const noexcept {
    return kind == kind_type::add || kind == kind_type::add_dynamic ||
           kind == kind_type::add_argument;
  }

  kind_type kind;
  std::string id;
  pid process;
  std::optional<child_spec> added;
  std::any argument;
  exit_reason reason;

  bool submitted = false;
  bool done = false;
  pid caller;  // the process that awaits `ready`, if it is on the same loop
  boost::system::error_code error;
  started_child started;
  std::vector<child_entry> listing;
  child_counts counts;
  waiter* waiting = nullptr;
  std::shared_ptr<supervisor_request> self;  // set while the request is under way
  // The record of the child that is asked for, an `entry` of the supervisor. Valid while the
  // request is under way.
  void* subject = nullptr;

 protected:
  std::unique_ptr<refusal> refusal_;  // until somebody has heard the answer

 private:
  // Called when the request has been answered.
  virtual void completed() noexcept;
};

}  // namespace coppice::detail
