#pragma once

#include <coppice/application.hpp>
#include <coppice/applications.hpp>
#include <coppice/config_value.hpp>
#include <coppice/detail/application/application_controller.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/reply_to.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::detail {

// One start of an application, from the request to the end: shared by the controller and by the
// master, which fills it in.
class application_run;
using run_ptr = std::shared_ptr<application_run>;

class application_run {
 public:
  using state_type = application_info::state_type;

  application_run(const application_spec& s, application_env e, restart t, std::uint32_t n)
      : spec{s}, env{std::move(e)}, type{t}, number{n} {}

  // Whether its end is that of the program.
  [[nodiscard]] bool ends_program() const noexcept {
    if (asked || type == restart::temporary) return false;
    return type == restart::permanent || !reason.is_normal();
  }

  // Kills what is left of it: processes that its own have spawned, and that no supervisor stops.
  void kill_leftovers(boost::asio::io_context& io) const;

  const application_spec spec;
  const application_env env;
  restart type;
  const std::uint32_t number;  // that its processes have
  state_type state = state_type::starting;
  pid master{};
  pid top{};                                   // its top supervisor, once that has run
  bool asked = false;                          // its end was asked for
  bool may_end_program = false;                // if it does not start, and the type says so
  bool told = false;                           // its end was reported
  exit_reason reason = exit_reason::killed();  // how it has ended; a kill leaves no word
  // Those who wait for its start, each with a place for the reason of a failure; and for its stop.
  std::vector<std::pair<reply_to<application_names>, std::shared_ptr<exit_reason>>> starters{};
  std::vector<reply_to<void>> stoppers{};
};

// What a program consists of.
struct application_plan {
  std::vector<application_spec> specs{};
  configuration settings{};
  bool environment_variables = true;
};

// The applications of an io_context: those that are loaded, in that order, with their environments.
// It knows what may be started and in which order; the controller does it.
class application_table {
 public:
  struct loaded {
    application_spec spec;
    application_env env;
    std::shared_ptr<application_run> run{};  // null: it does not run
    bool started_alone = false;              // a library, which counts as started
  };

  static std::shared_ptr<application_table> of(boost::asio::io_context& io);

  // Loads all of it. What is loaded later gets its environment from there too. Throws, and is the
  // same as before, if something breaks a rule.
  void load_all(const application_plan& plan);
  void load(application_spec spec);
  void unload(std::string_view name);
  void clear() noexcept { loaded_.clear(); }
  [[nodiscard]] loaded* find(std::string_view name) noexcept;
  // The same, for those who know that it is there or who are to be told that it is not.
  [[nodiscard]] loaded& get(std::string_view name);
  [[nodiscard]] std::vector<application_info> list() const;
  // The run whose master is that process, or null.
  [[nodiscard]] std::shared_ptr<application_run> run_of(const pid& master) const noexcept;

  // The applications in the order in which they are to be started, each once and after what it
  // needs. Throws std::invalid_argument if one is not loaded, or some need each other.
  [[nodiscard]] std::vector<std::string> start_order(const std::vector<std::string>& names) const;
  // The first application that this one needs and that is not started, or an empty name.
  [[nodiscard]] std::string first_missing(const application_spec& spec) const;
  // The number of the next run.
  [[nodiscard]] std::uint32_t next_number() noexcept { return ++last_number_; }
  // Throws config_error if something is not set that has to be.
  void check_environment(const loaded& one) const;

 private:
  [[nodiscard]] const loaded* find(std::string_view name) const noexcept;
  void add_to(std::vector<std::string>& order, std::vector<std::string>& path,
              const std::string& name) const;

  std::vector<std::unique_ptr<loaded>> loaded_;
  configuration settings_;
  bool environment_variables_ = true;
  std::uint32_t last_number_ = 0;
};

// Throws if a plan breaks a rule: std::invalid_argument, or config_error.
void check(const application_plan& plan);

}  // namespace coppice::detail
