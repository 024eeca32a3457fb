#include <coppice/config_value.hpp>

#include "config_text.hpp"

#include <string>
#include <string_view>

namespace coppice {

namespace {

struct name_of_type {
  std::string_view operator()(bool) const noexcept { return "boolean"; }
  std::string_view operator()(std::int64_t) const noexcept { return "integer"; }
  std::string_view operator()(double) const noexcept { return "float"; }
  std::string_view operator()(const std::string&) const noexcept { return "string"; }
  std::string_view operator()(const config_value::list&) const noexcept { return "array"; }
  std::string_view operator()(const config_value::table&) const noexcept { return "table"; }
  std::string_view operator()(const config_value::missing& m) const noexcept { return m.type; }
};

struct text_of_value {
  std::string operator()(bool b) const { return b ? "true" : "false"; }
  std::string operator()(std::int64_t i) const { return std::to_string(i); }
  std::string operator()(double d) const { return detail::float_text(d); }
  std::string operator()(const std::string& s) const { return detail::quoted(s); }
  std::string operator()(const config_value::list& l) const { return detail::list_text(l); }
  std::string operator()(const config_value::table& t) const { return detail::table_text(t); }
  std::string operator()(const config_value::missing& m) const {
    std::string text{"("};
    text += m.type;
    text += " to be set)";
    return text;
  }
};

}  // namespace

config_error::~config_error() = default;

std::string_view config_value::type_name() const noexcept {
  return std::visit(name_of_type{}, value_);
}

const config_value* config_value::find(std::string_view path) const noexcept {
  const config_value* at = this;
  for (;;) {
    const table* const here = at->get_if<table>();
    if (here == nullptr) return nullptr;
    const std::size_t dot = path.find('.');
    const auto found = here->find(path.substr(0, dot));
    if (found == here->end()) return nullptr;
    at = &found->second;
    if (dot == std::string_view::npos) return at;
    path.remove_prefix(dot + 1);
  }
}

bool config_value::accepts(const config_value& other) const noexcept {
  const std::string_view mine = type_name();
  const std::string_view others = other.type_name();
  return mine == others || (mine == "float" && others == "integer");
}

std::string config_value::to_string() const { return std::visit(text_of_value{}, value_); }

}  // namespace coppice
