#include <coppice/application_env.hpp>

#include <utility>

namespace coppice {

namespace {

// Names a key of an application, to begin a sentence with.
std::string key_of(const std::string& application, std::string_view key) {
  std::string text{"coppice: application "};
  text += application;
  text += ": the key ";
  text += key;
  return text;
}

}  // namespace

application_env::application_env(std::string application, config_value::table values)
    : contents_{std::make_shared<contents>(
          contents{std::move(application), config_value{std::move(values)}})} {}

const config_value* application_env::find(std::string_view key) const noexcept {
  return contents_->values.find(key);
}

const config_value& application_env::value(std::string_view key) const {
  const config_value* const found = find(key);
  if (found == nullptr) {
    throw config_error{key_of(contents_->application, key) +
                       " is not one of those that its spec has"};
  }
  if (found->is_missing()) {
    throw config_error{key_of(contents_->application, key) + " has not been set"};
  }
  return *found;
}

void application_env::set(std::string_view key, config_value value) const {
  config_value* const there = contents_->values.find(key);
  if (there == nullptr) {
    throw config_error{key_of(contents_->application, key) +
                       " is not one of those that its spec has"};
  }
  if (!there->accepts(value)) refuse_type(key, value, there->type_name());
  *there = std::move(value);
}

const config_value::table& application_env::values() const noexcept {
  return *contents_->values.get_if<config_value::table>();
}

const std::string& application_env::application() const noexcept { return contents_->application; }

void application_env::refuse_type(std::string_view key, const config_value& found,
                                  std::string_view wanted) const {
  std::string text = key_of(contents_->application, key);
  text += " is asked for as ";
  text += wanted;
  text += ", and is the ";
  text += found.type_name();
  text += ' ';
  text += found.to_string();
  throw config_error{text};
}

}  // namespace coppice
