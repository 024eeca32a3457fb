#include <coppice/config_value.hpp>

#include "config_text.hpp"

#include <string>
#include <string_view>

namespace coppice {

namespace {

template <class... F>
struct by_type : F... {
  using F::operator()...;
};

}  // namespace

config_error::~config_error() = default;

std::string_view config_value::type_name() const noexcept {
  return std::visit(by_type{
                        [](bool) -> std::string_view { return "boolean"; },
                        [](std::int64_t) -> std::string_view { return "integer"; },
                        [](double) -> std::string_view { return "float"; },
                        [](const std::string&) -> std::string_view { return "string"; },
                        [](const list&) -> std::string_view { return "array"; },
                        [](const table&) -> std::string_view { return "table"; },
                        [](const missing& m) { return m.type; },
                    },
                    value_);
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

std::string config_value::to_string() const {
  return std::visit(by_type{
                        [](bool b) -> std::string { return b ? "true" : "false"; },
                        [](std::int64_t i) { return std::to_string(i); },
                        [](double d) { return detail::float_text(d); },
                        [](const std::string& s) { return detail::quoted(s); },
                        [](const list& l) { return detail::list_text(l); },
                        [](const table& t) { return detail::table_text(t); },
                        [](const missing& m) {
                          std::string text{"("};
                          text += m.type;
                          text += " to be set)";
                          return text;
                        },
                    },
                    value_);
}

}  // namespace coppice
