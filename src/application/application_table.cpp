#include "application_table.hpp"

#include "configuration/environment.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/process.hpp>

#include <boost/asio/execution_context.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

// Keeps the table of an io_context for as long as that lives.
class table_service final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  explicit table_service(boost::asio::execution_context& context) : service{context} {}
  [[nodiscard]] const std::shared_ptr<application_table>& table() const noexcept { return table_; }

 private:
  void shutdown() noexcept override { table_->clear(); }

  const std::shared_ptr<application_table> table_ = std::make_shared<application_table>();
};

boost::asio::execution_context::id table_service::id;

[[noreturn]] void refuse_application(const std::string& name, const std::string& what) {
  std::string text{"coppice: application "};
  text += name;
  text += ": ";
  text += what;
  throw std::invalid_argument{text};
}

void check_spec(const application_spec& spec) {
  if (spec.name.empty()) throw std::invalid_argument{"coppice: an application needs a name"};
  if (spec.shutdown.is_timed() && spec.shutdown.time() < shutdown::duration::zero()) {
    refuse_application(spec.name, "its shutdown time must not be negative");
  }
}

std::string chain(const std::vector<std::string>& path, const std::string& last) {
  std::string text;
  for (const std::string& name : path) {
    text += name;
    text += " needs ";
  }
  return text += last;
}

}  // namespace

void application_run::kill_leftovers(boost::asio::io_context& io) const {
  for (const pid& one : processes(io)) {
    const process* const p = access::slot(one);
    if (p != nullptr && p->application == number && one != master) kill(one);
  }
}

std::shared_ptr<application_table> application_table::of(boost::asio::io_context& io) {
  return boost::asio::use_service<table_service>(io).table();
}

void application_table::load_all(const application_plan& plan) {
  settings_ = plan.settings;
  environment_variables_ = plan.environment_variables;
  const std::size_t before = loaded_.size();
  try {
    for (const application_spec& spec : plan.specs) load(spec);
  } catch (...) {
    loaded_.resize(before);
    throw;
  }
}

void application_table::load(application_spec spec) {
  check_spec(spec);
  if (find(spec.name) != nullptr) refuse_application(spec.name, "one of that name is loaded");
  const auto set = settings_.find(spec.name);
  const config_value* const values = set != settings_.end() ? &set->second : nullptr;
  config_value::table made = environment_of(spec.name, spec.env, values, environment_variables_);
  auto env = access::make<application_env>(spec.name, std::move(made));
  loaded_.push_back(
      std::make_unique<loaded>(loaded{std::move(spec), std::move(env), nullptr, false}));
}

void application_table::unload(std::string_view name) {
  loaded& found = get(name);
  if (found.run || found.started_alone) refuse_application(found.spec.name, "it runs");
  std::erase_if(loaded_, [&](const auto& one) { return one.get() == &found; });
}

const application_table::loaded* application_table::find(std::string_view name) const noexcept {
  for (const auto& one : loaded_) {
    if (one->spec.name == name) return one.get();
  }
  return nullptr;
}

application_table::loaded* application_table::find(std::string_view name) noexcept {
  return const_cast<loaded*>(std::as_const(*this).find(name));
}

application_table::loaded& application_table::get(std::string_view name) {
  loaded* const found = find(name);
  if (found == nullptr) refuse_application(std::string{name}, "none of that name is loaded");
  return *found;
}

std::vector<application_info> application_table::list() const {
  std::vector<application_info> all;
  for (const auto& one : loaded_) {
    application_info info{
        .name = one->spec.name, .description = one->spec.description, .version = one->spec.version};
    if (one->started_alone) info.state = application_info::state_type::running;
    if (one->run) {
      info.state = one->run->state;
      info.type = one->run->type;
      info.top = one->run->top;
    }
    all.push_back(std::move(info));
  }
  return all;
}

std::shared_ptr<application_run> application_table::run_of(const pid& master) const noexcept {
  for (const auto& one : loaded_) {
    if (one->run && one->run->master == master) return one->run;
  }
  return nullptr;
}

void application_table::add_to(std::vector<std::string>& order, std::vector<std::string>& path,
                               const std::string& name) const {
  if (std::ranges::find(order, name) != order.end()) return;
  const auto seen = std::ranges::find(path, name);
  if (seen != path.end()) {
    refuse_application(name,
                       chain({seen, path.end()}, name) + ", and none of them can be the first");
  }
  const loaded* const found = find(name);
  if (found == nullptr) {
    if (path.empty()) refuse_application(name, "none of that name is loaded");
    refuse_application(path.back(), chain(path, name) + ", which is not loaded");
  }
  path.push_back(name);
  for (const std::string& needed : found->spec.applications) add_to(order, path, needed);
  path.pop_back();
  order.push_back(name);
}

std::vector<std::string> application_table::start_order(
    const std::vector<std::string>& names) const {
  std::vector<std::string> order;
  std::vector<std::string> path;
  for (const std::string& name : names) add_to(order, path, name);
  return order;
}

std::string application_table::first_missing(const application_spec& spec) const {
  for (const std::string& needed : spec.applications) {
    const loaded* const found = find(needed);
    const bool runs = found != nullptr &&
                      (found->started_alone ||
                       (found->run && found->run->state == application_run::state_type::running));
    if (!runs) return needed;
  }
  return {};
}

void application_table::check_environment(const loaded& one) const {
  check_complete(one.spec.name, one.env.values(), environment_variables_);
}

void check(const application_plan& plan) {
  application_table table;
  table.load_all(plan);
  std::vector<std::string> names;
  for (const application_spec& spec : plan.specs) names.push_back(spec.name);
  for (const std::string& name : table.start_order(names)) table.check_environment(table.get(name));
  for (const auto& [name, values] : plan.settings) {
    if (table.find(name) == nullptr) {
      throw config_error{"coppice: the configuration has an application that there is none of: " +
                         name};
    }
  }
}

}  // namespace coppice::detail
