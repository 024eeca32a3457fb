#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/down.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/reply_to.hpp>
#include <coppice/server_ref.hpp>

#include <memory>
#include <string>
#include <vector>

namespace coppice::detail {

struct application_plan;
class application_run;
class application_table;

// The names of the applications that a request has started.
using application_names = std::vector<std::string>;

// The server that starts and stops applications, and ends the program when one that it cannot do
// without has ended. OTP: application_controller.
class COPPICE_API application_controller {
 public:
  static constexpr const char* registered_name = "application_controller";
  static constexpr const char* supervisor_name = "application_supervisor";

  enum class start_mode : unsigned char {
    start,       // what runs already is an error
    ensure,      // is none
    ensure_all,  // the same, and what they need is started before
  };
  struct start_request {
    using reply = application_names;
    application_names names;
    restart type;
    start_mode mode;
    bool may_end_program;                  // if it fails, and the type says so
    std::shared_ptr<exit_reason> failure;  // of the caller; set before a failure is told
  };
  struct stop_request {
    using reply = void;
    std::string name;
  };
  // The supervisor has started the master of an application.
  struct begun {
    std::shared_ptr<application_run> run;
  };
  // The master says that its tree is up.
  struct up {
    std::shared_ptr<application_run> run;
  };
  // The supervisor has not started the master of an application.
  struct refused {
    std::shared_ptr<application_run> run;
    exit_reason reason;
  };
  // The end of the program, as the start of an application has failed: after the answer to that.
  struct give_up {
    std::string name;
    exit_reason why;
  };

  explicit application_controller(const std::shared_ptr<const application_plan>& plan);
  application_controller(const application_controller&) = delete;
  application_controller& operator=(const application_controller&) = delete;
  ~application_controller();

  void handle(start_request m, reply_to<application_names> reply);
  void handle(stop_request m, reply_to<void> reply);
  void handle(const begun& m);
  void handle(const up& m);
  void handle(const refused& m);
  void handle(const give_up& m);
  void handle(const down& m);

 private:
  using names_reply = reply_to<application_names>;

  void start_one(start_request m, names_reply reply);
  void refuse(start_request m, names_reply reply, errc code, exit_reason why);
  void start_failed(application_run& run, const exit_reason& why);
  void forget(const application_run& run);

  const std::shared_ptr<application_table> table_;
};

// The controller of the io_context of the calling process.
COPPICE_API server_ref<application_controller> controller();

}  // namespace coppice::detail
